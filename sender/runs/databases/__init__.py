"""The two databases of the run processor: what is read from the source, and the registry."""
