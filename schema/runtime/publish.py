"""Publishing what a process says of itself, once a second, for `/stats` and the dashboard."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.outage import Outage
from schema.snapshot import ProcessSnapshot

_FAREWELL_S = 2.0
_encoder = msgspec.json.Encoder()


async def publish_snapshots(redis: Redis, make: Callable[[], ProcessSnapshot], *, every_s: float = 1.0) -> None:
    """Write `make()` into the hash `processes` every `every_s` until cancelled, then remove the process from it.

    Runs inside the asyncio loop's block. While Redis is away nothing is written and nothing is kept for later.
    """
    outage = Outage("redis (snapshots)")
    snapshot = make()
    try:
        while True:
            wait_s = every_s
            try:
                await aio(
                    redis.execute_command, "HSET", key("processes"), snapshot.process_id, _encoder.encode(snapshot)
                )
            except (RedisError, OSError) as exc:
                wait_s = max(every_s, outage.failed(exc, trio.current_time()))
            else:
                outage.recovered(trio.current_time())
            await trio.sleep(wait_s)
            snapshot = make()
    finally:
        with trio.move_on_after(_FAREWELL_S, shield=True):
            await _say_farewell(redis, snapshot.process_id)


async def _say_farewell(redis: Redis, process_id: str) -> None:
    try:
        await aio(redis.execute_command, "HDEL", key("processes"), process_id)
    except (RedisError, OSError):
        return  # nobody can see it now, and its age says later that it is gone
