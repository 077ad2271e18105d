"""`newar api` over HTTP, on a real Redis with what the services leave there."""
