"""Runs as they are shown: what the queue, the registry and the log say of them, put together in one place."""
