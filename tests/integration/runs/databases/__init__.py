"""The two databases of the run processor."""
