"""Publishing what a process says of itself, once a second, for `/stats` and the cockpit."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import msgspec
import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.outage import Outage
from schema.runtime.write_when_full import write_when_full
from schema.seconds import Seconds, commands
from schema.snapshot import ProcessSnapshot

_FAREWELL_S = 2.0
_FORGET_AFTER_MS = 3600 * 1000
"""Processes that were killed leave their last snapshot behind; the next one to start clears it away."""
_encoder = msgspec.json.Encoder()


class _Age(msgspec.Struct):
    at_ms: int


_age = msgspec.json.Decoder(_Age)


async def publish_snapshots(
    redis: Redis, make: Callable[[], ProcessSnapshot], seconds: Seconds | None = None, *, every_s: float = 1.0
) -> None:
    """Write `make()` into the hash `processes` every `every_s` until cancelled, then remove the process from it.

    `seconds`, of a process that counts them, go with it. Runs inside the asyncio loop's block. While Redis is away, or
    takes no writes, no snapshot is kept for later. At its maxmemory it takes them: who is there must be seen then too.
    """
    outage = Outage("redis (snapshots)")
    snapshot, written = make(), False
    try:
        while True:
            wait_s = every_s
            try:
                await aio(_write, redis, snapshot, seconds, first=not written)
            except (RedisError, OSError) as exc:
                wait_s = max(every_s, outage.failed(exc, trio.current_time()))
            else:
                written = True
                outage.recovered(trio.current_time())
            await trio.sleep(wait_s)
            snapshot = make()
    finally:
        with trio.move_on_after(_FAREWELL_S, shield=True):
            await _say_farewell(redis, snapshot.process_id, seconds)


async def _write(redis: Redis, snapshot: ProcessSnapshot, seconds: Seconds | None, *, first: bool) -> None:
    untold = seconds.untold() if seconds else ()
    told = ("HSET", key("processes"), snapshot.process_id, _encoder.encode(snapshot))
    await write_when_full(redis, [told, *chain.from_iterable(map(commands, untold))])
    if seconds:
        seconds.told(untold)
    if first:
        await _forget_the_dead(redis, snapshot.at_ms)


async def _forget_the_dead(redis: Redis, now_ms: int) -> None:
    found: Any = redis.hgetall(key("processes"))  # a dictionary of bytes; redis-py: or an awaitable
    dead = [name for name, text in (await found).items() if now_ms - _age.decode(text).at_ms > _FORGET_AFTER_MS]
    if dead:
        await write_when_full(redis, [("HDEL", key("processes"), *dead)])


async def _say_farewell(redis: Redis, process_id: str, seconds: Seconds | None) -> None:
    untold = seconds.untold(at_the_end=True) if seconds else ()
    last = [("HDEL", key("processes"), process_id), *chain.from_iterable(map(commands, untold))]
    try:
        await aio(write_when_full, redis, last)
    except (RedisError, OSError):
        return  # nobody can see it now, and its age says later that it is gone
