"""Tests of the connection pool's parts that need no socket."""
