"""Runs: the list, one of them, and what is done to them."""
