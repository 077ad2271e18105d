"""What people run and look at: the command line, the HTTP API, local servers, benches."""
