"""What runs of a real queue wait for, and how many of their messages: claimed, settled and held by the real scripts."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from ops.board.reading import QueueReader
from ops.board.run_rates import RunRates
from ops.board.runs.causes import Holding
from ops.board.runs.put_together import run_answer, total
from ops.board.runs.run_answers import RunAnswer
from schema.job import Job, encode_record, job_id
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.snapshot import RedisMemory, RunsSnapshot
from sender.queue.app_queue import AppQueue
from sender.queue.limit_queue import LimitQueue
from sender.queue.page_queue import PageQueue
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import SessionQueue, Settlement
from tests.integration.queue.answers import REPORTED, TOKEN_INVALID, Answering
from tests.integration.queue.jobs import enqueue, final, open_queue, run_of
from tests.unit.api.contents import now_ms, process, sender

RUN, PEOPLE = "r", 20
FOREVER = ((1, 4_000_000_000_000),)


@pytest.fixture
async def runs(redis: Redis) -> RunQueue:
    """A run in the queue, and a sender that is alive."""
    queue = RunQueue(redis)
    await enqueue(queue, run_of(RUN), PEOPLE)
    alive = process(sender=sender(), at_ms=now_ms() + 3_600_000)  # for all of a test
    await aio(redis.hset, key("processes"), alive.process_id, msgspec.json.encode(alive))
    return queue


async def shown(redis: Redis, run_id: str = RUN) -> RunAnswer:
    """Return a run, and see that a list, which looks at all runs, counts the same."""
    reader = QueueReader(redis)
    run = run_answer(run_id, None, Holding(await reader.look([run_id])), RunRates(), time.time())
    whole = total(Holding(await reader.read()))
    assert (whole.may_go, whole.in_flight, whole.waits) == (run.may_go, run.in_flight, run.waits)
    assert run.may_go is not None
    assert run.waits is not None
    assert run.left == run.may_go + (run.in_flight or 0) + sum(run.waits.values())
    return run


def causes(run: RunAnswer) -> list[str]:
    return [one.cause for one in run.waiting_because]


async def test_messages_that_may_go_are_told_from_those_in_flight_and_those_that_are_tried_again(
    redis: Redis, runs: RunQueue
) -> None:
    run = await shown(redis)
    assert (run.status, run.may_go, run.in_flight, run.waits) == ("sending", PEOPLE, 0, {})
    queue = await open_queue(redis)
    [group] = (await queue.claim("a", 6)).groups
    first, second, *_ = group.records
    again = Settlement(first[:16], RUN, "1", "retrying", event=b"{}", record=first, delay_ms=60_000)
    assert await queue.settle(1, [again, final(group, second)]) == ([True, True], [])
    run = await shown(redis)
    assert (run.status, run.left, run.may_go, run.in_flight, run.waits) == ("sending", 19, 14, 4, {"retry": 1})
    assert causes(run) == ["retry"]


async def test_no_sender_is_said(redis: Redis, runs: RunQueue) -> None:
    await aio(redis.delete, key("processes"))
    run = await shown(redis)
    assert (run.status, causes(run), run.waits) == ("waiting", ["no_sender"], {"no_sender": PEOPLE})


async def test_pauses_by_hand_say_who_made_them(redis: Redis, runs: RunQueue) -> None:
    await runs.hold(RUN, "operator", who="ann@desk")
    await PageQueue(redis).pause("1", "bob@desk")
    await AppQueue(redis).pause("eve@desk")
    run = await shown(redis)
    assert (run.status, causes(run), run.waits) == (
        "waiting",
        ["operator", "app_paused", "page_paused"],
        {"operator": PEOPLE},
    )
    for cause, who in zip(run.waiting_because, ("ann", "eve", "bob"), strict=True):
        assert f"paused by {who}@desk" in cause.detail
    await runs.let_go(RUN, "operator", who="ann@desk")
    await PageQueue(redis).resume("1", "bob@desk")
    await AppQueue(redis).resume("eve@desk")
    assert not await aio(redis.hexists, key("page:1"), "paused_by")
    assert not await aio(redis.hexists, key("app"), "paused_by")
    assert (await shown(redis)).status == "sending"


async def test_source_and_registry_hold_a_run(redis: Redis, runs: RunQueue) -> None:
    await runs.hold(RUN, "source")
    assert causes(await shown(redis)) == ["source"]
    await runs.hold(RUN, "registry")
    assert causes(await shown(redis)) == ["registry", "source"]


async def test_breaker_that_answers_have_opened_says_when_it_is_tried_again(redis: Redis, runs: RunQueue) -> None:
    answering = Answering(await open_queue(redis))
    for _ in range(2):
        await answering.answer(await answering.claim(), TOKEN_INVALID)
    run = await shown(redis)
    [cause, *_] = run.waiting_because
    assert (run.status, cause.cause, next(iter(run.waits or {}))) == ("waiting", "breaker", "breaker")
    assert "one message tries again at" in cause.detail
    assert cause.until is not None


async def test_brake_that_answers_have_set_says_why(redis: Redis, runs: RunQueue) -> None:
    answering = Answering(await open_queue(redis))
    await answering.answer(await answering.claim(), REPORTED)
    run = await shown(redis)
    [cause, *_] = [one for one in run.waiting_because if one.cause == "brake"]
    assert run.status == "waiting"
    assert "reported" in cause.detail
    assert run.brake is not None
    assert run.brake.rule in cause.detail


async def test_throttled_page_lets_a_second_of_messages_go(redis: Redis, runs: RunQueue) -> None:
    await LimitQueue(redis).set_limit("1", 3, 60_000, who="ann@desk")
    run = await shown(redis)
    [cause] = run.waiting_because
    assert cause.detail.startswith("the page is throttled to 3/s by hand until ")
    assert (run.status, run.may_go, run.waits) == ("waiting", 3, {"throttled": PEOPLE - 3})
    assert cause.until is not None


async def test_run_outside_its_hours_says_when_they_open(redis: Redis, runs: RunQueue) -> None:
    opens_ms = int(time.time() * 1000) + 3_600_000
    await runs.set_windows(RUN, {"": [(opens_ms, opens_ms + 1000)]})
    before = run_answer(RUN, None, Holding(await QueueReader(redis).look([RUN])), RunRates(), time.time())
    assert (before.status, before.state, causes(before)) == ("waiting", "paused", ["window"])
    await (await open_queue(redis)).claim("a", 1)  # it leaves its lane
    run = await shown(redis)
    assert (run.waits, causes(run)) == ({"window": PEOPLE}, ["window"])
    assert run.waiting_because[0].until is not None
    assert int(run.waiting_because[0].until.timestamp() * 1000) == opens_ms


async def test_recipients_with_closed_hours_of_their_own_wait_and_the_others_go(redis: Redis, runs: RunQueue) -> None:
    run_id, opens_ms = "zoned", int(time.time() * 1000) + 3_600_000
    await runs.hold(RUN, "source")
    await aio(redis.delete, key("expiries"))  # the other run is not looked at
    await runs.create_run(run_of(run_id, "2"))
    zones = ["Asia/Tokyo", "Asia/Tokyo", "Europe/Berlin", None]
    records = [encode_record(job_id(run_id, str(n)), Job(str(n), time_zone=zone)) for n, zone in enumerate(zones)]
    windows = {"": FOREVER, "Europe/Berlin": FOREVER, "Asia/Tokyo": [(opens_ms, opens_ms + 1000)]}
    await runs.set_windows(run_id, windows)
    await runs.enqueue_chunk(run_id, cursor="", next_cursor="9", records=records, last=True)
    queue = await open_queue(redis)
    claimed = 0
    for number in range(8):
        claimed += sum(len(group.records) for group in (await queue.claim(str(number), 1)).groups)
    run = await shown(redis, run_id)
    assert (claimed, run.in_flight, run.may_go, run.waits) == (2, 2, 0, {"recipient_hours": 2})
    assert (run.status, causes(run)) == ("sending", ["recipient_hours"])
    assert run.waiting_because[0].until is not None


async def test_cancelled_run_drains_and_then_is_cancelled(redis: Redis, runs: RunQueue) -> None:
    queue = await open_queue(redis)
    [group] = (await queue.claim("a", 1)).groups
    await runs.cancel(RUN, who="ann@desk")
    run = await shown(redis)
    assert (run.status, run.in_flight, run.waits, causes(run)) == ("draining", 1, {"drain": PEOPLE - 1}, [])
    await settle_all(queue, group.records[0])
    run = await shown(redis)
    assert (run.status, run.state, run.ended_as, run.left) == ("cancelled", "finished", "cancelled", 0)


async def settle_all(queue: SessionQueue, first: bytes) -> None:
    await queue.settle(1, [Settlement(first[:16], RUN, "1", "sent", event=b"{}")])
    [group] = await queue.drain("d", PEOPLE)
    await queue.settle(2, [final(group, record, "cancelled") for record in group.records])


async def test_full_outbox_is_said_with_its_bound(redis: Redis, runs: RunQueue) -> None:
    await aio(redis.hset, key("app"), "outbox", 100_000)
    run = await shown(redis)
    assert (run.status, causes(run)) == ("waiting", ["outbox_full"])
    assert "100,000 events wait for the broker" in run.waiting_because[0].detail


@pytest.mark.parametrize(
    ("bound", "detail"), [(400 << 20, "Redis uses 390.0 MiB of its 400.0 MiB"), (None, "Redis is at")]
)
async def test_a_run_that_waits_for_room_is_sent_as_far_as_it_is_queued(
    redis: Redis, runs: RunQueue, bound: int | None, detail: str
) -> None:
    await enqueue(runs, run_of("more", "2"), 3, last=False)
    memory = RedisMemory(used=390 << 20, bound=bound, reserve_share=0.1)
    waits = process("r", at_ms=now_ms() + 3_600_000, runs=RunsSnapshot(redis_full=["source"], redis_memory=memory))
    await aio(redis.hset, key("processes"), waits.process_id, msgspec.json.encode(waits))
    run = run_answer("more", None, Holding(await QueueReader(redis).look(["more"])), RunRates(), time.time())
    assert (run.status, causes(run), run.may_go, run.waits) == ("filling", ["redis_full"], 3, {})
    assert run.waiting_because[0].detail.startswith(detail)
    queue = await open_queue(redis)
    [more] = [group for group in (await queue.claim("a", 100)).groups if group.run_id == "more"]
    await queue.settle(1, [final(more, record) for record in more.records])
    run = run_answer("more", None, Holding(await QueueReader(redis).look(["more"])), RunRates(), time.time())
    assert (run.status, causes(run)) == ("waiting", ["redis_full"])
    assert causes(await shown(redis)) == []


async def test_jobs_in_flight_of_very_many_are_not_counted_by_run(redis: Redis, runs: RunQueue) -> None:
    many: dict[Any, Any] = {str(n): f"other\0{n}" for n in range(5001)}
    await aio(redis.hset, key("held:s"), mapping=many)
    await aio(redis.zadd, key("sessions"), {"s": 9e15})
    run = run_answer(RUN, None, Holding(await QueueReader(redis).look([RUN])), RunRates(), time.time())
    assert (run.may_go, run.in_flight, run.waits) == (PEOPLE, None, {})
