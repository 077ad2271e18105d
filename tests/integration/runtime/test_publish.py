"""What processes publish of themselves, and who clears away those that are gone."""

from __future__ import annotations

from typing import Any

import msgspec
import trio

from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.publish import publish_snapshots
from schema.runtime.redis import open_redis
from schema.snapshot import ProcessSnapshot
from tests.patience import patience_s


def snapshot(process_id: str, at_ms: int) -> ProcessSnapshot:
    return ProcessSnapshot(process_id=process_id, service="runs", host="h", pid=1, started_at_ms=0, at_ms=at_ms)


async def test_a_starting_process_clears_away_those_long_gone_and_takes_itself_away_at_its_end(
    redis_url: str, asyncio_loop: Any
) -> None:
    redis = open_redis(redis_url)
    now_ms = 1_800_000_000_000
    old = {"dead": now_ms - 7_200_000, "fresh": now_ms - 60_000}
    for name, at_ms in old.items():
        await aio(redis.hset, key("processes"), name, msgspec.json.encode(snapshot(name, at_ms)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(publish_snapshots, redis, lambda: snapshot("me", now_ms))
        with trio.fail_after(patience_s()):
            while set(await aio(redis.hkeys, key("processes"))) != {b"fresh", b"me"}:
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert await aio(redis.hkeys, key("processes")) == [b"fresh"]
    await aio(redis.aclose)
