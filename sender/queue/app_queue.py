"""All pages at once, as people steer them."""

from __future__ import annotations

from redis.asyncio import Redis

from schema.runtime.asyncio_door import aio
from sender.queue.script_loader import Scripts


class AppQueue:
    """Methods are Trio coroutines that may be repeated. Errors: redis.RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._scripts = Scripts(redis)

    async def pause(self, who: str) -> int:
        """Let nothing be claimed until `resume`; return how many jobs senders hold: those end as they end."""
        return int(await aio(self._scripts.call, "app/steer", "pause", who))

    async def resume(self, who: str) -> None:
        """End a pause of everything, made by hand or by a rule."""
        await aio(self._scripts.call, "app/steer", "resume", who)
