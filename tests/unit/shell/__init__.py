"""How commands run, print and fail."""
