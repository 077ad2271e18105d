"""Redis's clock runs ahead: what cannot be undone waits for the caller's clock to say the same."""

from __future__ import annotations

import time

from redis.asyncio import Redis

from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import SessionQueue
from tests.integration.queue.jobs import FAST, enqueue, open_queue, run_of

HOUR_MS = 3_600_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _queue_of_an_hour_ago(redis: Redis) -> SessionQueue:
    """Redis is an hour ahead of this caller."""
    queue = SessionQueue(redis, FAST, lease_ms=60_000, wall_clock_ms=lambda: now_ms() - HOUR_MS)
    await queue.open()
    return queue


async def test_a_run_expires_only_where_both_clocks_say_so(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r", expires_at_ms=now_ms() - 60_000), 10)
    await enqueue(runs, run_of("other", "2"), 10)
    late = await _queue_of_an_hour_ago(redis)
    groups = (await late.claim("a", 20)).groups
    assert {group.run_id for group in groups} == {"other"}  # the one in doubt is out of the way
    assert await late.drain("a", 10) == []
    assert (await runs.facts(["r"]))["r"].state == "active"
    await aio(redis.zadd, key("parked"), {"r": 0})
    (group,) = await (await open_queue(redis)).drain("b", 20)
    assert (group.run_id, group.state, len(group.records)) == ("r", "expired", 10)


async def test_a_run_in_doubt_is_sent_once_the_clock_is_right_again(redis: Redis, runs: RunQueue) -> None:
    """Redis's clock was ahead only for a moment; for the run that moment is over."""
    await enqueue(runs, run_of("r", expires_at_ms=now_ms() - 60_000), 10)
    late = await _queue_of_an_hour_ago(redis)
    assert (await late.claim("a", 20)).groups == []
    await aio(redis.hset, key("run:r"), "expires_at_ms", now_ms() + HOUR_MS)  # as it looks to a clock that is right
    await aio(redis.zadd, key("parked"), {"r": 0})
    assert len((await late.claim("b", 20)).groups[0].records) == 10


async def test_a_caller_whose_clock_is_ahead_ends_nothing(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r", expires_at_ms=now_ms() + 60_000), 10)
    early = SessionQueue(redis, FAST, lease_ms=60_000, wall_clock_ms=lambda: now_ms() + HOUR_MS)
    await early.open()
    assert await early.drain("a", 10) == []
    assert len((await early.claim("a", 20)).groups[0].records) == 10
