"""Questions to the message log, answered by a real database."""
