"""Servers with TLS for tests: certificates of our own, good and bad, and a door that speaks TLS before any server."""
