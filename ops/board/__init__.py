"""What is known now and was then, read from Redis and the log database: what API, cockpit and commands show."""
