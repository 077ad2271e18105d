"""Jobs that will surely not be sent stand aside, and units: recipients with a time zone of their own."""

from __future__ import annotations

from redis.asyncio import Redis

from schema.job import Aside, Job, decode_record, encode_record, job_id
from schema.run import RunState
from schema.runtime.asyncio_door import aio
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import ClaimedGroup, Limits
from tests.integration.queue.jobs import final, open_queue, run_of, state_of

WHY = Aside("suppressed", "recipient_gone", "not reachable")


def _record(person: str, *, time_zone: str | None = None, aside: Aside | None = None) -> bytes:
    return encode_record(job_id("r", person), Job(person, time_zone=time_zone, aside=aside))


async def _enqueue(runs: RunQueue, records: list[bytes]) -> None:
    await runs.create_run(run_of("r"))
    assert await runs.enqueue_chunk("r", cursor="", next_cursor="x", records=records, last=True)


def _people(groups: list[ClaimedGroup]) -> set[str]:
    return {decode_record(record)[1].recipient_id for group in groups for record in group.records}


async def test_who_stands_aside_uses_up_nothing_of_the_limit_and_is_drained(redis: Redis, runs: RunQueue) -> None:
    await _enqueue(runs, [_record(str(n), aside=WHY if n % 2 else None) for n in range(10)])
    queue = await open_queue(redis, Limits(text=50, media=50, app=0))
    claimed = (await queue.claim("a", 10)).groups
    assert _people(claimed) == {"0", "2", "4", "6", "8"}
    drained = await queue.drain("a", 10)
    assert _people(drained) == {"1", "3", "5", "7", "9"}
    assert all(decode_record(record)[1].aside == WHY for group in drained for record in group.records)
    assert await queue.drain("b", 10) == []
    await queue.settle(1, [final(g, r, "suppressed") for g in drained for r in g.records])
    assert await state_of(runs, "r") is RunState.ACTIVE
    await queue.settle(2, [final(g, r) for g in claimed for r in g.records])
    assert await state_of(runs, "r") is RunState.FINISHED
    assert not [k for k in await aio(redis.keys, "*") if b"aside" in k]


async def test_who_stood_aside_with_a_sender_that_died_stands_aside_again(redis: Redis, runs: RunQueue) -> None:
    await _enqueue(runs, [_record("1", aside=WHY)])
    dead, heir = await open_queue(redis, lease_ms=1), await open_queue(redis)
    await dead.drain("a", 10)
    assert await heir.take_over() == (dead.session, [])
    assert (await heir.claim("a", 10)).groups == []
    assert _people(await heir.drain("a", 10)) == {"1"}


async def test_recipients_with_a_zone_of_their_own_take_turns_apart(redis: Redis, runs: RunQueue) -> None:
    zones = [None, "Asia/Bangkok", "Europe/Berlin"]
    await _enqueue(runs, [_record(str(n), time_zone=zones[n % 3]) for n in range(9)])
    queue = await open_queue(redis)
    groups = (await queue.claim("a", 20)).groups
    assert sorted(sorted(_people([group])) for group in groups) == [["0", "3", "6"], ["1", "4", "7"], ["2", "5", "8"]]
    assert (await queue.claim("a", 20)).groups == groups
    back = groups[1].records[0]
    await queue.settle(1, [final(groups[1], back, "")])
    await queue.settle(2, [final(g, r) for g in groups for r in g.records if r != back])
    assert await state_of(runs, "r") is RunState.ACTIVE


async def test_a_cancelled_run_is_drained_with_all_its_zones(redis: Redis, runs: RunQueue) -> None:
    zones = [None, "Asia/Bangkok", "Europe/Berlin"]
    await _enqueue(runs, [_record(str(n), time_zone=zones[n % 3]) for n in range(9)])
    await runs.cancel("r")
    queue = await open_queue(redis)
    drained = await queue.drain("a", 20)
    assert _people(drained) == {str(n) for n in range(9)}
    await queue.settle(1, [final(g, r, "cancelled") for g in drained for r in g.records])
    assert await state_of(runs, "r") is RunState.FINISHED
    assert list(await aio(redis.keys, "*zones*")) == []
