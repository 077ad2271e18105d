"""Repeating a queue operation until Redis answers: scripts may be repeated, so waiting is the only thing to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio
from redis.exceptions import RedisError

from schema.runtime.outage import Outage

T = TypeVar("T")

_LONGEST_S = 5.0


class UntilAnswered:
    """Repeats calls through outages of Redis, at growing pauses, and logs each once. Shared by all tasks of a process.

    A tenth of the lease is the longest pause: when Redis is back, everybody must have renewed before anybody is taken
    over, and what was silence counts for up to half a lease (scripts/lib/leases.lua).
    """

    def __init__(self, lease_s: float) -> None:
        self.outage = Outage("redis", longest_s=min(_LONGEST_S, lease_s / 10))

    async def __call__(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await `call()` until Redis answers it; errors other than Redis's pass through."""
        while True:
            try:
                result = await call()
            except RedisError as exc:
                await trio.sleep(self.outage.failed(exc, trio.current_time()))
            else:
                self.outage.recovered(trio.current_time())
                return result
