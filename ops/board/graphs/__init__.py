"""What was sent over time: seconds from the ring in Redis, minutes and hours from the log database's figures."""
