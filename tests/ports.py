"""Ports for servers that are killed and come back to the same one."""

from __future__ import annotations

import contextlib
import random
import socket

_PORTS = range(20_000, 32_000)
"""Below those that the system gives to clients: while the server is away none of them can take its port."""
_dice = random.SystemRandom()
"""Nobody seeds it: Hypothesis seeds the others, in several processes at once with the same."""
_given: set[int] = set()


def free_port() -> int:
    """Return a port that was free a moment ago, and that nobody of this process has been given before."""
    while True:
        port = _dice.choice(_PORTS)
        if port in _given:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):  # taken: another one
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            _given.add(port)
            return port
