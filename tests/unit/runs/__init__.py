"""The run processor's parts that need no server."""
