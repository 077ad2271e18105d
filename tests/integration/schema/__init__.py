"""The schema on a real database."""
