"""One person, one message a second over all runs of a page; and nobody on the page's deny list."""

from __future__ import annotations

import itertools

import msgspec
import pytest
import trio
from redis.asyncio import Redis

from schema.job import Job, decode_record, job_id, person_hash
from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import SessionQueue
from tests.integration.queue.jobs import enqueue, open_queue, run_of
from tests.patience import patience_s

GAP_US = 1_000_000


async def _claimed_at(queue: SessionQueue, jobs: int) -> dict[str, list[int]]:
    """Claim until so many jobs were given; return when each person had one (us, Redis's clock)."""
    found: dict[str, list[int]] = {}
    n = 0
    with trio.fail_after(patience_s()):
        while sum(map(len, found.values())) < jobs:
            n += 1
            claim = await queue.claim(f"claim {n}", 20)
            for group in claim.groups:
                for record in group.records:
                    found.setdefault(decode_record(record)[1].recipient_id, []).append(claim.now_us)
            await trio.sleep(0.005)
    return found


async def test_a_person_of_three_runs_waits_a_second_between_them(redis: Redis, runs: RunQueue) -> None:
    for run_id, content in (("a", "text"), ("b", "text"), ("c", "media")):
        await enqueue(runs, run_of(run_id, content=content), 60)
    moments = await _claimed_at(await open_queue(redis), 180)
    gaps = [later - earlier for times in moments.values() for earlier, later in itertools.pairwise(times)]
    assert len(gaps) == 120
    assert min(gaps) >= GAP_US


async def test_the_end_of_a_run_is_remembered_for_a_second(redis: Redis, runs: RunQueue) -> None:
    queue = await open_queue(redis)
    await enqueue(runs, run_of("a"), 5)
    await enqueue(runs, run_of("other page", "2"), 5)
    first = await _claimed_at(queue, 10)
    await enqueue(runs, run_of("b"), 5)
    second = await _claimed_at(await open_queue(redis), 5)
    assert all(second[person][0] - first[person][0] >= GAP_US for person in second)


async def test_a_run_that_is_alone_on_its_page_is_not_looked_at(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("a"), 50)
    await _claimed_at(await open_queue(redis), 50)
    assert await aio(redis.exists, key("recent:1")) == 0


async def test_records_of_the_first_release_are_known_as_the_same_persons(redis: Redis, runs: RunQueue) -> None:
    def as_they_wrote(run_id: str, person: str) -> bytes:
        return job_id(run_id, person) + msgspec.msgpack.encode([person, None, None, 0, 0])

    for run_id in ("a", "b"):
        await runs.create_run(run_of(run_id))
        records = [as_they_wrote(run_id, f"{n:08d}") for n in range(0, 30)]
        await runs.enqueue_chunk(run_id, cursor="", next_cursor="x", records=records, last=True)
    await enqueue(runs, run_of("c"), 30)
    moments = await _claimed_at(await open_queue(redis), 90)
    assert all(b - a >= GAP_US for times in moments.values() for a, b in itertools.pairwise(times))


@pytest.mark.parametrize("runs_of_page", [1, 2])
async def test_who_is_denied_gets_nothing_though_his_job_waits(redis: Redis, runs: RunQueue, runs_of_page: int) -> None:
    for n in range(runs_of_page):
        await enqueue(runs, run_of(f"r{n}"), 10, first=10 * n)
    await aio(redis.zadd, key("denied:1"), {person_hash("00000003"): 1})
    await aio(redis.hset, key("page:1"), "denied", "1")
    queue = await open_queue(redis)
    moments = await _claimed_at(queue, 10 * runs_of_page - 1)
    assert "00000003" not in moments
    (group,) = await queue.drain("d", 10)
    assert [decode_record(record)[1] for record in group.records] == [Job("00000003", person=person_hash("00000003"))]
    assert await queue.drain("d", 10) == [group]
