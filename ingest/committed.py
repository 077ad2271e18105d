"""Telling the senders how far events are in Postgres: with a broker that forgets they keep them until then."""

from __future__ import annotations

import trio
from msgspec.structs import replace
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ingest.figures import Figures
from schema.keys import committed_key
from schema.runtime.asyncio_door import aio
from schema.runtime.outage import Outage
from schema.runtime.write_when_full import Command, write_when_full

_EVERY_S = 0.5
_KEPT_S = 7 * 24 * 3600
"""A broker that forgets has another cluster id after each start, a topic made again another id."""


async def publish_committed(redis: Redis, figures: Figures) -> None:
    """Write our partitions' next offsets into the hash of their life of the topic until cancelled.

    Always all of them, so that an emptied Redis knows them again. Too small a number is harmless. Senders of the former
    release look into the hash of the cluster. Also at Redis's maxmemory: senders free what they keep by it.
    """
    outage = Outage("redis (committed offsets)")
    while True:
        wait_s = _EVERY_S
        try:
            if figures.committed and (log := figures.log) is not None:
                names = {committed_key(log), committed_key(replace(log, topic_id=""))}
                await aio(_publish, redis, names, dict(figures.committed))
        except (RedisError, OSError) as exc:
            wait_s = outage.failed(exc, trio.current_time())
        else:
            outage.recovered(trio.current_time())
        await trio.sleep(wait_s)


async def _publish(redis: Redis, names: set[str], offsets: dict[int, int]) -> None:
    flat = [number for pair in offsets.items() for number in pair]
    commands: list[Command] = []
    for name in names:
        commands += [("HSET", name, *flat), ("EXPIRE", name, _KEPT_S)]
    await write_when_full(redis, commands)
