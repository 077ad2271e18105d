"""What processes publish of themselves, and who clears away those that are gone."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import trio
from structlog.testing import capture_logs

from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.publish import publish_snapshots
from schema.runtime.redis import open_redis
from schema.seconds import Seconds, counts_key, decode_counts
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


async def test_seconds_wait_while_redis_takes_no_writes_and_are_told_once(redis_url: str, asyncio_loop: Any) -> None:
    redis, at_us = open_redis(redis_url), [100_000_000]
    seconds = Seconds(lambda: at_us[0])
    seconds.count("r", "1", "sent", "", 5.0)
    at_us[0] += 1_000_000
    with capture_logs() as logs:
        await aio(redis.config_set, "min-replicas-to-write", "1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(publish_snapshots, redis, lambda: snapshot("me", 1), seconds, every_s=0.01))
            with trio.fail_after(patience_s()):
                while not logs:
                    await trio.sleep(0.01)
                assert [second.at_s for second in seconds.untold()] == [100]
                await aio(redis.config_set, "min-replicas-to-write", "0")
                while seconds.untold():
                    await trio.sleep(0.01)
            seconds.count("r", "1", "sent", "", 5.0)
            nursery.cancel_scope.cancel()
    told: Any = [await aio(redis.hvals, counts_key(at_s)) for at_s in (100, 101)]
    assert [[decode_counts(one).ended for one in by] for by in told] == [[{"sent": 1}], [{"sent": 1}]]
    assert logs[0]["event"] == "part_unreachable"
    await aio(redis.aclose)
