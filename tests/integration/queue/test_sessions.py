"""Sessions and leases: renewed, expired, inherited and closed."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest
from redis.asyncio import Redis

from schema.job import decode_record
from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import SessionGone
from tests.integration.queue.jobs import enqueue, final, open_queue, run_of

LEASE_MS = 60_000


async def test_an_expired_lease_gives_unmarked_jobs_back_and_hands_marked_ones_over(
    redis: Redis, runs: RunQueue
) -> None:
    await enqueue(runs, run_of("r"), 2)
    dead, heir = await open_queue(redis), await open_queue(redis)
    (group,) = (await dead.claim("c", 2)).groups
    ids = [decode_record(r)[0] for r in group.records]
    (time,) = await dead.mark([(ids[0], 1)])
    assert await heir.take_over() is None
    await aio(redis.zadd, key("sessions"), {dead.session: 1})
    taken = await heir.take_over()
    assert taken is not None
    assert taken[0] == dead.session
    assert [(j.run_id, j.record, j.attempt, j.sent_at_us) for j in taken[1]] == [("r", group.records[0], 1, time)]
    assert [g.records for g in (await heir.claim("c", 2)).groups] == [[group.records[1]]]
    assert (await dead.settle(1, [final(group, group.records[0])]))[0] == [False]
    assert await dead.mark([(ids[1], 1)]) == [None]
    with pytest.raises(SessionGone):
        await dead.renew(2)
    assert (await heir.settle(1, [final(group, group.records[0], "unknown")]))[0] == [True]


async def _pass(redis: Redis, leases: float) -> None:
    """Let so many leases pass in which the queue hears of nobody: its clock cannot be set, so all else moves."""
    by_us = round(leases * LEASE_MS * 1000)
    await aio(redis.hincrby, key("app"), "renewed_at_us", -by_us)
    sessions: Any = await aio(redis.zrange, key("sessions"), 0, -1)
    for session in sessions:
        await aio(redis.zincrby, key("sessions"), -by_us, session)


@pytest.mark.parametrize(
    "silence",
    [0.1, 0.2, 0.34, 0.4, 0.49, 0.51, 0.6, 0.75, 0.9, 0.99, (0.3, 0.99), (0.49, 0.98, 0.98), (0.02, 0.9, 0.4)],
)
async def test_the_dead_are_taken_over_within_three_leases_however_late_the_others_are(
    silence: float | tuple[float, ...], redis: Redis, runs: RunQueue
) -> None:
    await enqueue(runs, run_of("r"), 1)
    heir, dead = await open_queue(redis, lease_ms=LEASE_MS), await open_queue(redis, lease_ms=LEASE_MS)
    await dead.claim("c", 1)
    passed, taken = 0.0, None
    silences = cycle(silence if isinstance(silence, tuple) else (silence,))
    while taken is None:
        next_ = next(silences)
        await _pass(redis, next_)
        passed += next_
        assert passed <= 3, "the dead one still holds its job"
        await heir.renew(0)
        taken = await heir.take_over()
    assert taken == (dead.session, [])
    assert passed > 0.99


@pytest.mark.parametrize("away", [0.3, 0.5, 0.7, 0.99, 1.01, 3, 1000])
@pytest.mark.parametrize("first", ["looks", "renews", "opens"])
async def test_who_renews_soon_after_the_queue_was_away_loses_nothing(
    first: str, away: float, redis: Redis, runs: RunQueue
) -> None:
    await enqueue(runs, run_of("r"), 1)
    slow, quick = await open_queue(redis, lease_ms=LEASE_MS), await open_queue(redis, lease_ms=LEASE_MS)
    await slow.claim("c", 1)
    for _ in range(3):
        await _pass(redis, 0.2)  # as often as each renews
        await slow.renew(1)
        await _pass(redis, away)
        if first == "renews":
            await quick.renew(0)
        elif first == "opens":
            await quick.close()
            quick = await open_queue(redis, lease_ms=LEASE_MS)
        assert await quick.take_over() is None
        await _pass(redis, 0.25)  # more than the longest pause before the next try
        assert await quick.take_over() is None
        assert await slow.renew(1)


async def test_a_lease_counts_on_over_many_long_absences_of_the_queue(redis: Redis, runs: RunQueue) -> None:
    """Not prolonged by each of them either: what was left of it before is left of it afterwards."""
    heir, dead = await open_queue(redis, lease_ms=LEASE_MS), await open_queue(redis, lease_ms=LEASE_MS)
    for _ in range(4):
        await _pass(redis, 0.24)
        assert await heir.take_over() is None
        await _pass(redis, 100)
        assert await heir.take_over() is None
    await _pass(redis, 0.24)
    assert await heir.take_over() == (dead.session, [])


async def test_nobody_inherits_from_himself(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("c", 1)).groups
    await queue.mark([(decode_record(group.records[0])[0], 1)])
    await aio(redis.zadd, key("sessions"), {queue.session: 1})
    assert await queue.take_over() is None
    assert (await queue.settle(1, [final(group, group.records[0])]))[0] == [True]


async def test_a_renewal_tells_of_jobs_whose_claim_was_never_heard(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 2)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("lost", 2)).groups
    assert (await queue.renew(2))[1] == []
    held = (await queue.renew(0))[1]
    assert sorted(held) == sorted(decode_record(r)[0] for r in group.records)
    assert await queue.disown(held) == []
    assert sorted((await queue.claim("c2", 2)).groups[0].records) == sorted(group.records)


async def test_a_session_that_holds_jobs_does_not_close(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("c", 1)).groups
    assert not await queue.close()
    await queue.settle(1, [final(group, group.records[0])])
    assert await queue.close()
    with pytest.raises(SessionGone):
        await queue.claim("c2", 1)
