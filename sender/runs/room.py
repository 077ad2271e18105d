"""Whether Redis has room for more jobs: a share of its memory is kept for what sends, ends, frees and holds."""

from __future__ import annotations

import structlog

from schema.runtime.asyncio_door import aio
from schema.snapshot import RedisMemory, RunsSnapshot
from sender.queue.redis_memory import MemoryReader

log = structlog.get_logger()


class Room:
    """As one source asks for it: before each chunk, so that Redis goes over by a chunk of each run processor at most.

    Args:
        source: its name.
        memory: reads how full Redis is.
        reserve_share: of its maxmemory.
        figures: are told.
    """

    def __init__(self, source: str, memory: MemoryReader, reserve_share: float, figures: RunsSnapshot) -> None:
        self._source = source
        self._memory = memory
        self._share = reserve_share
        self._figures = figures
        self._lacked = False

    def turn_begins(self) -> None:
        """Begin anew to note whether it lacks."""
        self._lacked = False

    async def is_there(self) -> bool:
        """Say whether a chunk may be enqueued, or runs taken. A Trio coroutine. Errors: redis.RedisError."""
        seen = await aio(self._memory.read)
        self._figures.redis_memory = RedisMemory(
            used=seen.used, bound=seen.bound, reserve_share=self._share, policy=seen.policy
        )
        if seen.has_room(self._share):
            return True
        self.lacks()
        return False

    def lacks(self) -> None:
        """Note that there is none: the source's runs wait."""
        self._lacked = True
        if self._source in self._figures.redis_full:
            return
        self._figures.redis_full = [*self._figures.redis_full, self._source]
        seen = self._figures.redis_memory or RedisMemory()
        log.warning(
            "redis_full",
            source=self._source,
            used_bytes=seen.used,
            maxmemory_bytes=seen.bound,
            reserve_share=self._share,
            effect="nothing is enqueued; what is in the queue is sent, and makes room",
            hint="raise maxmemory if that takes too long",
        )

    def turn_ends(self) -> None:
        """Note that it was there all the time, unless it lacked."""
        if not self._lacked and self._source in self._figures.redis_full:
            self._figures.redis_full = [name for name in self._figures.redis_full if name != self._source]
            log.info("redis_has_room", source=self._source)
