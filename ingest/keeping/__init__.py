"""Keeping the log in order beside writing it: days made and dropped, figures folded, old things forgotten."""
