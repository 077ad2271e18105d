"""Who is next and how much: shares of pages and runs, limits, and outboxes that are full."""

from __future__ import annotations

from typing import Any

import trio
from redis.asyncio import Redis

from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from sender.queue.script_loader import Scripts
from sender.queue.session_queue import Limits, SessionQueue
from tests.integration.queue.jobs import FAR_MS, clock_of, enqueue, final, open_queue, run_of, set_clock


async def test_pages_share_a_claim_and_runs_of_a_page_take_turns_by_priority(redis: Redis, runs: RunQueue) -> None:
    for run_id in ("a1", "a2"):
        await enqueue(runs, run_of(run_id, "1"), 100, first=100 * int(run_id[1]))
    await enqueue(runs, run_of("urgent", "2", priority=5), 100)
    await enqueue(runs, run_of("b", "2"), 100)
    queue = await open_queue(redis)
    for n in range(4):
        await queue.claim(f"first{n}", 4)
    await trio.sleep(1.3)  # a run that is new beside another waits until everybody's second is over
    taken: dict[str, int] = {}
    for n in range(20):  # even after whole rounds: a turn may have several jobs
        for group in (await queue.claim(f"c{n}", 8)).groups:
            taken[group.run_id] = taken.get(group.run_id, 0) + len(group.records)
    assert taken == {"a1": 40, "a2": 40, "urgent": 80}


async def test_a_page_at_its_limit_waits_and_the_others_go_on(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("slow", "1"), 100)
    await enqueue(runs, run_of("quick", "2"), 100)
    await PageQueue(redis).set_page(PageFacts(page_id="1", limit_text=10))
    queue = await open_queue(redis)
    claim = await queue.claim("c", 60)
    counts = {g.run_id: len(g.records) for g in claim.groups}
    assert counts["slow"] == 1  # a burst of one and a half messages at 10/s
    assert sum(counts.values()) == 60
    slow_only = await queue.claim("c2", 60)
    assert sum(len(g.records) for g in slow_only.groups if g.run_id == "slow") <= 1


async def test_the_limit_of_the_app_counts_for_all_pages_together(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("a", "1"), 100)
    await enqueue(runs, run_of("b", "2"), 100)
    queue = await open_queue(redis, Limits(text=1000, media=1000, app=50))
    claim = await queue.claim("c", 60)
    assert sum(len(g.records) for g in claim.groups) == 5
    again = await queue.claim("c2", 60)
    assert again.status == "paused" or sum(len(g.records) for g in again.groups) < 5


async def test_a_limit_counts_for_us_and_senders_of_the_first_release_together(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 100)
    queue = await open_queue(redis, Limits(text=100, media=100, app=0))
    await aio(redis.zadd, key("sessions"), {"a session of theirs": FAR_MS * 1000})
    await queue.renew(0)
    theirs = key("lane:1/text:pace")
    (group,) = (await queue.claim("ours", 1)).groups
    assert len(group.records) == 1
    used: Any = await aio(redis.hgetall, theirs)
    assert float(used[b"vt"]) == 1
    ours = await clock_of(redis)
    assert float(used[b"tat_us"]) == ours.tat  # they see what we took
    await aio(redis.hincrby, theirs, "tat_us", 60_000_000)  # as after claims of theirs
    claim = await queue.claim("none is left", 1)
    assert claim.groups == []
    assert claim.wait_ms is not None
    assert claim.wait_ms > 30_000


async def test_a_clock_set_back_that_a_sender_of_the_first_release_notices_closes_no_lane(
    redis: Redis, runs: RunQueue
) -> None:
    await enqueue(runs, run_of("r"), 100)
    queue = await open_queue(redis, Limits(text=100, media=100, app=0))
    await aio(redis.zadd, key("sessions"), {"a session of theirs": FAR_MS * 1000})
    await queue.renew(0)
    assert len((await queue.claim("before", 1)).groups) == 1
    ours = await clock_of(redis)
    ours.tat += 3_600_000_000
    await set_clock(redis, ours)  # it shifts back only what it knows
    assert len((await queue.claim("after", 1)).groups) == 1


async def test_a_full_outbox_stops_claiming(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 3)
    queue = await open_queue(redis, Limits(text=1000, media=1000, app=0, outbox=1))
    (group,) = (await queue.claim("c", 1)).groups
    await queue.settle(1, [final(group, group.records[0])])
    assert (await queue.claim("c2", 1)).status == "full"


async def test_events_in_the_outboxes_of_others_stop_claiming_too(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    limits = Limits(text=1000, media=1000, app=0, outbox=3)
    dead, other, queue = [await open_queue(redis, limits) for _ in range(3)]
    for session, settled in ((dead, 2), (other, 1)):
        (group,) = (await session.claim("c", settled)).groups
        await session.settle(1, [final(group, record) for record in group.records])
        await session.close()
    assert (await queue.claim("c", 1)).status == "full"
    assert (await relay_all_of(redis, dead)) == 2
    assert len((await queue.claim("c2", 1)).groups) == 1


async def test_a_new_session_counts_the_events_that_wait_anew(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 2)
    queue = await open_queue(redis, Limits(text=1000, media=1000, app=0, outbox=1))
    (group,) = (await queue.claim("c", 1)).groups
    await queue.settle(1, [final(group, group.records[0])])
    await aio(redis.delete, key(f"outbox:{queue.session}"))
    assert (await queue.claim("c2", 1)).status == "full"
    await open_queue(redis)
    assert (await queue.claim("c3", 1)).status == "ok"


async def relay_all_of(redis: Redis, queue: SessionQueue) -> int:
    trimmed: int = await aio(Scripts(redis).call, "outbox/trim", queue.session, "99999999999999-0")
    return trimmed
