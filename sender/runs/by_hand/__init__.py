"""Runs that a person submits, retries or recovers."""
