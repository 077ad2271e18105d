"""The queue's parts that need no Redis."""
