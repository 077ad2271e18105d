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


async def publish_committed(redis: Redis, figures: Figures) -> None:
    """Write our partitions' next offsets into the hash `committed` until cancelled.

    Always all of them, so that an emptied Redis knows them again. Too small a number is harmless.
    """
    outage = Outage("redis (committed offsets)")
    while True:
        wait_s = _EVERY_S
        offsets = [text for field, next_offset in figures.committed.items() for text in (field, str(next_offset))]
        try:
            if offsets:
                await aio(redis.execute_command, "HSET", key("committed"), *offsets)
        except (RedisError, OSError) as exc:
            wait_s = outage.failed(exc, trio.current_time())
        else:
            outage.recovered(trio.current_time())
        await trio.sleep(wait_s)
