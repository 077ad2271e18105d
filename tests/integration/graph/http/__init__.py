"""The connection pool to the Graph API, against servers that misbehave."""
