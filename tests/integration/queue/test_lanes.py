"""A page's two lanes are one share, however its jobs are split over runs; and a clock set back blocks nobody."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from tests.integration.queue.jobs import enqueue, open_queue, run_of


async def _taken_by_page(redis: Redis, claims: int, want: int) -> dict[str, int]:
    queue = await open_queue(redis)
    taken: dict[str, int] = {}
    for n in range(claims):
        for group in (await queue.claim(f"c{n}", want)).groups:
            taken[group.page_id] = taken.get(group.page_id, 0) + len(group.records)
    return taken


async def test_two_lanes_of_a_page_get_one_share(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("a", "1"), 200)
    await enqueue(runs, run_of("a2", "1", content="media"), 200, first=200)
    await enqueue(runs, run_of("b", "2"), 200)
    await aio(redis.hset, key("page:1"), mapping={"shared_from_us": 1, "shared_until_us": 4_000_000_000_000_000})
    taken = await _taken_by_page(redis, 10, 20)
    assert taken["1"] == taken["2"] == 100


async def test_weights_share_by_page(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("a", "1"), 300)
    await enqueue(runs, run_of("b", "2"), 300)
    await PageQueue(redis).set_page(PageFacts(page_id="1", weight=2))
    taken = await _taken_by_page(redis, 15, 20)
    assert abs(taken["1"] - 2 * taken["2"]) <= 30


async def test_a_backlog_split_over_many_runs_gains_nothing(redis: Redis, runs: RunQueue) -> None:
    for n in range(50):
        await enqueue(runs, run_of(f"a{n}", "1"), 10, first=10 * n)
    await enqueue(runs, run_of("b", "2"), 500)
    await aio(redis.hset, key("page:1"), mapping={"shared_from_us": 1, "shared_until_us": 4_000_000_000_000_000})
    taken = await _taken_by_page(redis, 10, 20)
    assert taken["1"] == taken["2"] == 100


async def test_what_waits_follows_a_clock_that_is_set_back_in_small_steps(redis: Redis, runs: RunQueue) -> None:
    """However much waits, one call moves a little of it."""
    queue = await open_queue(redis)
    now_s, _ = await aio(redis.time)
    hour_ms = 3_600_000
    due = {f"r\0{n:016d}".encode(): now_s * 1000 + hour_ms + n for n in range(1000)}
    await aio(redis.zadd, key("delayed"), due)
    await aio(redis.hincrby, key("app"), "renewed_at_us", hour_ms * 1000)
    await queue.renew(0)
    left: Any = await aio(redis.zcard, key("delayed:shifting"))
    assert 0 < left < 1000
    for _ in range(10):
        await queue.renew(0)
    assert await aio(redis.exists, key("delayed:shifting")) == 0
    assert await aio(redis.hget, key("app"), "shift_us") is None
    moved: Any = await aio(redis.zrange, key("delayed"), 0, -1, withscores=True)
    assert len(moved) == 1000
    assert all(abs(due[job] - hour_ms - at_ms) < 60_000 for job, at_ms in moved)
