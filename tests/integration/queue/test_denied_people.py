"""The page's deny list and the jobs that were queued before somebody was put on it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from redis.asyncio import Redis

from schema.job import decode_record, person_hash
from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.denied_people import FORGET_AFTER_MS, DeniedPeople
from sender.queue.run_queue import RunQueue
from tests.integration.queue.jobs import enqueue, open_queue, run_of

ANN: Any = {"who": "ann@desk", "command": "suppression add", "changed": True}
REMOVE: Any = {"who": "ann@desk", "command": "suppression remove", "changed": False}


@pytest.fixture
def people(redis: Redis) -> DeniedPeople:
    return DeniedPeople(redis)


async def command(redis: Redis, *parts: str) -> Any:
    return await aio(redis.execute_command, *parts)


async def claimed(redis: Redis, name: str) -> list[str]:
    answer = await (await open_queue(redis)).claim(name, 100)
    return sorted(decode_record(record)[1].recipient_id for group in answer.groups for record in group.records)


async def test_a_queued_job_of_somebody_denied_is_not_claimed(
    redis: Redis, runs: RunQueue, people: DeniedPeople
) -> None:
    await enqueue(runs, run_of("r"), 4)
    assert await people.change("add", "1", ["00000001", "00000002"], **ANN) == 2
    assert await claimed(redis, "a") == ["00000000", "00000003"]


async def test_who_is_no_longer_denied_is_claimed(redis: Redis, runs: RunQueue, people: DeniedPeople) -> None:
    await enqueue(runs, run_of("r"), 2)
    await people.change("add", "1", ["00000001"], **ANN)
    assert await people.change("remove", "1", ["00000001", "00000007"], **REMOVE) == 1
    assert await claimed(redis, "a") == ["00000000", "00000001"]
    assert await command(redis, "HGET", key("page:1"), "denied") is None


async def test_a_change_is_noted_with_who_made_it_and_a_repetition_is_not(redis: Redis, people: DeniedPeople) -> None:
    await people.change("add", "1", ["5", "6"], **ANN)
    await people.change("add", "1", ["5", "6"], **{**ANN, "changed": False})
    await people.change("remove", "1", ["7"], **REMOVE)
    await people.change("remove", "1", ["7"], **{**REMOVE, "changed": True})
    await people.change("lift", "1", ["5"], **{**REMOVE, "changed": True})
    entries: Any = await aio(redis.xrange, key("audit"))
    noted = [{k.decode(): v.decode() for k, v in fields.items()} for _, fields in entries]
    assert [(e["who"], e["what"], e["target"], e["detail"]) for e in noted] == [
        ("ann@desk", "suppression add", "1", "2 people, the first 5"),
        ("ann@desk", "suppression remove", "1", "7"),
        ("ann@desk", "suppression remove", "1", "5"),
    ]
    assert await aio(redis.zcard, key("denied:1")) == 2
    assert abs(int(noted[0]["at_ms"]) / 1000 - time.time()) < 60


async def test_entries_that_every_job_is_younger_than_are_forgotten(
    redis: Redis, runs: RunQueue, people: DeniedPeople
) -> None:
    now_ms = time.time_ns() // 1_000_000
    await runs.create_run(run_of("r"))
    for page, who, age_ms in (("1", "old", 2 * FORGET_AFTER_MS), ("1", "young", 0), ("2", "old", 2 * FORGET_AFTER_MS)):
        await people.change("add", page, [who], **ANN)
        await aio(redis.zadd, key(f"denied:{page}"), {person_hash(who): now_ms - age_ms})
    assert await people.forget() == 2
    assert await aio(redis.zrange, key("denied:1"), 0, -1) == [person_hash("young")]
    assert await command(redis, "HGET", key("page:1"), "denied") == b"1"
    assert await command(redis, "HGET", key("page:2"), "denied") is None
    assert await people.forget() == 0


async def test_entries_are_kept_as_long_as_a_run_may_have_been_filled_before_them(
    redis: Redis, runs: RunQueue, people: DeniedPeople
) -> None:
    await runs.create_run(run_of("r"))
    await people.change("add", "1", ["5"], **ANN)
    hours_ago_ms = time.time_ns() // 1_000_000 - 5 * FORGET_AFTER_MS
    await aio(redis.zadd, key("denied:1"), {person_hash("5"): hours_ago_ms})
    await aio(redis.zadd, key("runs"), {"r": hours_ago_ms})
    assert await people.forget() == 0
    await aio(redis.zadd, key("runs"), {"r": hours_ago_ms + 3 * FORGET_AFTER_MS})
    assert await people.forget() == 1
