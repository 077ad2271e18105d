"""What Meta's Graph API wants to be told, and what its answers mean; nothing of connections."""
