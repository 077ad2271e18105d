"""The queue's clock is set back: nothing waits for a moment of the former time."""

from __future__ import annotations

from typing import Any

import trio
from redis.asyncio import Redis

from schema.job import decode_record
from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import Limits, Settlement
from tests.integration.queue.jobs import clock_of, enqueue, open_queue, run_of, set_clock

HOUR_MS = 3_600_000
IN_US = {
    "app": ("renewed_at_us",),
    "lane:1/text:pace": ("tat_us",),
}
CLOCKS = (("app", "clock"), ("page:1", "clock:text"))
IN_TROUBLE = {
    "page:2": {"paused_until_ms": "soon", "probe": "due"},
    "page:3": {"breaker": "open", "retry_at_ms": "soon"},
}
IN_MS = {"page:2": ("paused_until_ms",), "page:3": ("retry_at_ms",)}


async def _set_back_by_an_hour(redis: Redis) -> None:
    """Move all that the queue has noted into the future instead: its clock cannot be set."""
    for fields, unit in ((IN_US, 1000), (IN_MS, 1)):
        for name, moments in fields.items():
            for moment in moments:
                await aio(redis.hincrby, key(name), moment, HOUR_MS * unit)
    for name, field in CLOCKS:
        clock = await clock_of(redis, name, field)
        clock.tat, clock.from_us = clock.tat + HOUR_MS * 1000, clock.from_us + HOUR_MS * 1000
        await set_clock(redis, clock, name, field)
    for name, unit in (("sessions", 1000), ("waiting", 1000), ("delayed", 1)):
        members: Any = await aio(redis.zrange, key(name), 0, -1)
        for member in members:
            await aio(redis.zincrby, key(name), HOUR_MS * unit, member)


async def test_a_clock_that_is_set_back_stops_nothing(redis: Redis, runs: RunQueue) -> None:
    for page in ("1", "2", "3"):
        await enqueue(runs, run_of(f"r{page}", page), 10)
    queue = await open_queue(redis, Limits(text=10, media=10, app=1000))
    dead = await open_queue(redis)
    for name, fields in IN_TROUBLE.items():
        seconds, us = await aio(redis.time)
        now_ms = seconds * 1000 + us // 1000
        await aio(redis.hset, key(name), mapping={f: now_ms + 200 if v == "soon" else v for f, v in fields.items()})
    (group,) = (await queue.claim("a", 10)).groups
    job = decode_record(group.records[0])[0]
    await queue.settle(1, [Settlement(job, "r1", "1", "retrying", b"{}", group.records[0], delay_ms=50)])
    await _set_back_by_an_hour(redis)
    for _ in range(3):  # what waits is moved a little with each call
        await queue.renew(0)
    await trio.sleep(0.4)
    claimed = {g.run_id: g.records for g in (await queue.claim("b", 30)).groups}
    assert claimed.keys() == {"r1", "r2", "r3"}
    assert group.records[0] in claimed["r1"]
    deadlines: Any = await aio(redis.zrange, key("sessions"), 0, -1, withscores=True)
    now_s = (await aio(redis.time))[0]
    assert {s.decode() for s, _ in deadlines} == {queue.session, dead.session}
    assert all(deadline / 1e6 < now_s + 60 for _, deadline in deadlines)
