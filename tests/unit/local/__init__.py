"""Local servers: when they are started again."""
