"""What figures begin with: each run once, no more than wanted, and nothing shifted by what is missing."""

from __future__ import annotations

from redis import Redis as Admin
from redis.asyncio import Redis

from schema.keys import key
from sender.queue.limit_clock import LimitClock, encode_clock
from sender.queue.survey import ReadyLane, Survey, Unfinished, survey
from tests.unit.api.contents import write_run


async def look(redis: Redis, *, most_runs: int = 100, most_lanes: int = 100) -> Survey:
    return await survey(redis, most_runs=most_runs, most_pages=100, newest=2, most_lanes=most_lanes)


async def test_an_empty_queue_has_nothing(redis: Redis) -> None:
    seen = await look(redis)
    assert seen == Survey(
        at_s=seen.at_s, unfinished=[], breakers={}, newest_runs=[], sessions=[], outboxes=[], ready=[]
    )


async def test_each_run_is_there_once_most_left_first_and_no_more_than_wanted(redis: Redis, admin: Admin) -> None:
    for n in range(4):
        write_run(admin, f"r{n}", page=f"p{n}", left=10 * n)
    admin.zadd(key("expiries"), {"r2": 5, "r3": 6, "r0": 7, "r1": 8, "vanished": 9})
    admin.sadd(key("draining"), "r3")
    admin.hset(key("run:r3"), "hold:brake", "1")
    seen = await look(redis)
    brake = ("brake",)
    expected = [Unfinished(f"r{n}", f"p{n}", 10 * n, n == 3, held_by=brake if n == 3 else ()) for n in (3, 2, 1, 0)]
    assert seen.unfinished == expected
    assert len(seen.newest_runs) == 2
    assert (await look(redis, most_runs=2)).unfinished == expected[:2]  # they expire first


async def test_lanes_stay_in_line_whatever_is_missing(redis: Redis, admin: Admin) -> None:
    admin.zadd(key("ready"), {"no lane": 0, "1/text": 1, "2/media": 2, "3/text": 3})
    admin.zadd(key("lane:1/text"), {"r\0Europe/Berlin": 1})
    admin.zadd(key("lane:3/text"), {"gone": 1})
    admin.hset(key("run:r"), "taken_at_ms", 5000)
    admin.hset(key("lane:2/media:pace"), "tat_us", 7_000_000)
    admin.hset(key("page:3"), "clock:text", encode_clock(LimitClock(tat=9_000_000)))
    expected = [ReadyLane(0, 0), ReadyLane(0, 5), ReadyLane(7, 0), ReadyLane(9, 0)]
    assert (await look(redis)).ready == expected
    assert (await look(redis, most_lanes=2)).ready == expected[:2]


async def test_breakers_that_are_not_closed_are_named(redis: Redis, admin: Admin) -> None:
    for page, breaker in (("1", "open"), ("2", "half_open"), ("3", "closed"), ("4", "")):
        admin.hset(key(f"page:{page}"), "breaker", breaker)
    admin.sadd(key("troubled"), "1", "2", "3", "4", "5", "app")
    assert (await look(redis)).breakers == {"1": "open", "2": "half_open"}
