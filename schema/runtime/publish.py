"""Publishing what a process says of itself, once a second, for `/stats` and the cockpit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import msgspec
import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.outage import Outage
from schema.seconds import Command, Second, Seconds, commands
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
    takes no writes, no snapshot is kept for later.
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
    await _commands(redis, ("HSET", key("processes"), snapshot.process_id, _encoder.encode(snapshot)), untold)
    if seconds:
        seconds.told(untold)
    if first:
        await _forget_the_dead(redis, snapshot.at_ms)


async def _forget_the_dead(redis: Redis, now_ms: int) -> None:
    [found] = await _commands(redis, ("HGETALL", key("processes")))
    dead = [name for name, text in found.items() if now_ms - _age.decode(text).at_ms > _FORGET_AFTER_MS]
    if dead:
        await _commands(redis, ("HDEL", key("processes"), *dead))


async def _commands(redis: Redis, first: Command, seconds: Sequence[Second] = ()) -> list[Any]:
    async with redis.pipeline(transaction=False) as calls:
        for command in (first, *chain.from_iterable(map(commands, seconds))):
            calls.execute_command(*command)
        return await calls.execute()


async def _say_farewell(redis: Redis, process_id: str, seconds: Seconds | None) -> None:
    untold = seconds.untold(at_the_end=True) if seconds else ()
    try:
        await aio(_commands, redis, ("HDEL", key("processes"), process_id), untold)
    except (RedisError, OSError):
        return  # nobody can see it now, and its age says later that it is gone
