"""What people did: read from the log database and from Redis, where it waits for its way there."""
