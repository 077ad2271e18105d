"""One person: what became of their messages, what is still to come, and why nothing was sent."""
