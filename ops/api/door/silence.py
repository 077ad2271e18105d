"""How long a client may be silent, which is a rule of its connection, and the exceptions from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from quart import Request


@contextmanager
def answered_late(request: Request) -> Iterator[None]:
    """Let the answer to a request take longer than a client may be silent."""
    connection = request.scope["state"].get("connection")
    if connection is None:
        yield
        return
    connection.streams += 1
    try:
        yield
    finally:
        connection.streams -= 1
