"""All services at once."""
