"""Who comes in and how: connections, tokens, and every error as a problem document."""
