"""Figures of one pool for `/stats/http-client`; adding processes up is done elsewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec


class PoolCounters(msgspec.Struct, frozen=True, kw_only=True):
    """A pool now (`max_sockets`, `open`, `idle`, `in_flight`) and since its start (the rest)."""

    max_sockets: int
    open: int
    """Sockets held, those being dialled included."""
    idle: int
    in_flight: int
    """Sockets lent out or being dialled."""
    requests: int
    connections_opened: int
    socket_reuse_ratio: float
    """Share of requests that found a connection already open; 0 before the first."""
    errors: dict[str, int]
    """Failures by phase; a caller's time-out is counted by the caller."""


@dataclass(slots=True)
class Tally:
    """What a pool and its connections count while they work."""

    requests: int = 0
    connections_opened: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def snapshot(self, *, max_sockets: int, open_sockets: int, idle: int) -> PoolCounters:
        """Put the counts beside the pool's present state."""
        reused = max(0, self.requests - self.connections_opened)
        return PoolCounters(
            max_sockets=max_sockets,
            open=open_sockets,
            idle=idle,
            in_flight=open_sockets - idle,
            requests=self.requests,
            connections_opened=self.connections_opened,
            socket_reuse_ratio=reused / self.requests if self.requests else 0.0,
            errors=dict(self.errors),
        )
