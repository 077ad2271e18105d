"""Repeating a queue operation until Redis answers: scripts may be repeated, so waiting is the only thing to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio
from redis.exceptions import RedisError

from schema.runtime.outage import Outage

T = TypeVar("T")


class Persistence:
    """Repeats calls through outages of Redis, paced, and logs each outage once. Shared by all tasks of a process."""

    def __init__(self) -> None:
        self.outage = Outage("redis")

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
