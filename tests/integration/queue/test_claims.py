"""From claim to settlement: marks, retries, releases, and the repeats of each call."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from schema.job import decode_record
from schema.keys import key
from schema.run import RunState
from schema.runtime.asyncio_door import aio
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import Settlement
from tests.integration.queue.jobs import enqueue, final, open_queue, run_of


async def test_a_job_goes_from_the_queue_through_a_mark_into_the_outbox(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 3)
    queue = await open_queue(redis)
    claim = await queue.claim("c1", 2)
    (group,) = claim.groups
    assert (group.run_id, group.page_id, len(group.records)) == ("r", "1", 2)
    ids = [decode_record(r)[0] for r in group.records]
    times = await queue.mark([(i, 1) for i in ids])
    assert all(t is not None and abs(t - claim.now_us) < 60_000_000 for t in times)
    assert (await queue.settle(1, [final(group, r) for r in group.records]))[0] == [True, True]
    facts = (await runs.facts(["r"]))["r"]
    assert (facts.left, facts.outcomes, facts.state) == (1, {"sent": 2}, RunState.ACTIVE)
    outbox: Any = await aio(redis.xrange, key(f"outbox:{queue.session}"))
    assert [fields for _, fields in outbox] == [{b"k": b"1", b"v": b"{}"}] * 2


async def test_a_repeated_claim_gives_the_same_jobs(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue = await open_queue(redis)
    first = await queue.claim("c1", 3)
    assert (await queue.claim("c1", 3)).groups == first.groups
    assert (await queue.claim("c2", 3)).groups != first.groups


async def test_a_repeated_mark_keeps_its_time_and_a_foreign_job_gets_none(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    queue, other = await open_queue(redis), await open_queue(redis)
    (group,) = (await queue.claim("c", 1)).groups
    job = decode_record(group.records[0])[0]
    first = await queue.mark([(job, 1)])
    assert await queue.mark([(job, 1)]) == first
    assert await other.mark([(job, 1)]) == [None]


async def test_a_repeated_settlement_counts_once(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 2)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("c", 1)).groups
    settlement = final(group, group.records[0])
    assert (await queue.settle(1, [settlement]))[0] == [True]
    assert (await queue.settle(1, [settlement]))[0] == [True]  # the first answer once more
    assert (await queue.settle(2, [settlement]))[0] == [False]
    assert (await runs.facts(["r"]))["r"].outcomes == {"sent": 1}
    assert await aio(redis.xlen, key(f"outbox:{queue.session}")) == 1


async def test_a_late_repeat_of_a_settlement_leaves_the_job_that_was_claimed_again(
    redis: Redis, runs: RunQueue
) -> None:
    await enqueue(runs, run_of("r"), 1)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("c1", 1)).groups
    back = Settlement(decode_record(group.records[0])[0], "r", "1", "", record=group.records[0])
    assert (await queue.settle(7, [back]))[0] == [True]
    assert (await queue.claim("c2", 1)).groups == [group]
    assert (await queue.settle(7, [back]))[0] == [True]
    assert (await queue.settle(6, [back]))[0] == [False]
    assert (await queue.claim("c3", 1)).groups == []


async def test_a_retry_waits_for_its_time_and_a_release_is_next(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 2)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("c", 2)).groups
    later, now = (Settlement(decode_record(r)[0], "r", "1", "", record=r) for r in group.records)
    await queue.settle(1, [Settlement(later.job, "r", "1", "retrying", b"{}", later.record, delay_ms=60_000), now])
    claim = await queue.claim("c2", 2)
    assert [g.records for g in claim.groups] == [[now.record]]
    assert claim.wait_ms is not None
    assert 50_000 < claim.wait_ms <= 60_001  # due times are whole milliseconds
    await aio(redis.execute_command, "ZADD", key("delayed"), "XX", 0, b"r\0" + later.record)
    assert [g.records for g in (await queue.claim("c3", 2)).groups] == [[later.record]]
