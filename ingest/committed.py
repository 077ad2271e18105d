"""Telling the senders how far events are in Postgres: with a broker that forgets they keep them until then."""

from __future__ import annotations

import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ingest.figures import Figures
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.outage import Outage

_EVERY_S = 0.5
_KEPT_S = 7 * 24 * 3600
"""A broker that forgets has another cluster id after each start."""


async def publish_committed(redis: Redis, figures: Figures) -> None:
    """Write our partitions' next offsets into the hash of their cluster until cancelled.

    Always all of them, so that an emptied Redis knows them again. Too small a number is harmless.
    """
    outage = Outage("redis (committed offsets)")
    while True:
        wait_s = _EVERY_S
        try:
            if figures.committed:
                await aio(_publish, redis, key(f"committed:{figures.cluster_id}"), dict(figures.committed))
        except (RedisError, OSError) as exc:
            wait_s = outage.failed(exc, trio.current_time())
        else:
            outage.recovered(trio.current_time())
        await trio.sleep(wait_s)


async def _publish(redis: Redis, name: str, offsets: dict[int, int]) -> None:
    async with redis.pipeline(transaction=False) as calls:
        calls.hset(name, mapping=offsets)  # type: ignore[arg-type]  # numbers will do
        calls.expire(name, _KEPT_S)
        await calls.execute()
