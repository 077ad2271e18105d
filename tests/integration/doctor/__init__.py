"""The doctor against real servers."""
