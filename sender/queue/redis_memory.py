"""How full Redis's memory is: from INFO, else from what our login can see and the settings say."""

from __future__ import annotations

from typing import Any

import msgspec
from redis.exceptions import ResponseError


class Memory(msgspec.Struct, frozen=True):
    """In bytes; None: not known."""

    used: int | None
    bound: int | None
    """maxmemory; 0: there is none."""
    policy: str | None = None
    """maxmemory-policy."""

    def most_for_jobs(self, reserve_share: float) -> int | None:
        """Return up to where jobs may be enqueued, so that a share of the bound stays free; None: there is no bound."""
        return int(self.bound * (1 - reserve_share)) if self.bound else None

    def has_room(self, reserve_share: float) -> bool:
        """Say whether jobs may be enqueued. Where that is not known they may: Redis then refuses them at its bound."""
        most = self.most_for_jobs(reserve_share)
        return most is None or self.used is None or self.used < most


class MemoryReader:
    """Runs in the asyncio loop. What was refused once is not asked again: each refusal stands in Redis's ACL LOG.

    Args:
        redis: the server.
        set_bound: REDIS_MAXMEMORY_BYTES, which counts where INFO names no bound.
    """

    def __init__(self, redis: Any, set_bound: int | None) -> None:
        self._redis = redis
        self._set_bound = set_bound
        self._refused: set[str] = set()

    async def read(self) -> Memory:
        """Return it now. Errors: redis.RedisError, but no refusals."""
        if info := await self._unless_refused("INFO", lambda: self._redis.info("memory")):
            bound = info.get("maxmemory") or self._set_bound or info.get("maxmemory")
            return Memory(info.get("used_memory"), bound, info.get("maxmemory_policy"))
        stats = await self._unless_refused("MEMORY STATS", self._redis.memory_stats) or {}
        return Memory(stats.get("total.allocated"), self._set_bound)

    async def _unless_refused(self, name: str, ask: Any) -> Any:
        if name in self._refused:
            return None
        try:
            return await ask()
        except ResponseError:
            self._refused.add(name)
            return None
