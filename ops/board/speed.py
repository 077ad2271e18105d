"""How fast a page may go now, as the queue says."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from ops.board import merge
from ops.board.page_limits import Content, KnownDefaults, defaults_of, explained
from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.limit_queue import LimitQueue


async def read_defaults(redis: Redis) -> KnownDefaults:
    """Return the limits that count where the source says none. Errors: redis.RedisError."""
    now_s, _ = await aio(redis.time)
    snapshots: Any = await aio(redis.hvals, key("processes"))
    return defaults_of(merge.live(snapshots, now_s))


async def messages_per_second(redis: Redis, page_id: str, content: Content, limit: float | None) -> float:
    """Return how many messages of this kind the page may send a second now. Errors: redis.RedisError.

    `limit`: what the source says of a page that never had a run; None: nothing.
    """
    defaults = await read_defaults(redis)
    found = await LimitQueue(redis).explain([page_id], defaults.limits)
    if page_id not in found.pages:
        return limit or float(getattr(defaults.limits, content))
    answer = explained(page_id, found, defaults, {})
    return next(lane.now_per_s for lane in answer.lanes if lane.content == content)
