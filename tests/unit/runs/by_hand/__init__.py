"""Runs that a person submits."""
