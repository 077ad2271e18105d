"""Questions to the message log, as far as they need no server."""
