"""A run's message, and whether it may go to somebody."""
