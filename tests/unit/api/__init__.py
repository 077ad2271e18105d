"""The HTTP service's pure parts."""
