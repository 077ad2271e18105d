"""The queue's scripts on a real Redis."""
