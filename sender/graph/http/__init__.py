"""The way to a server and back: connections, their pool, and what HTTP says; nothing of Meta's."""
