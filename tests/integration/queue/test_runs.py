"""Runs in the queue: filled, held, cancelled, expired, finished and forgotten."""

from __future__ import annotations

from redis.asyncio import Redis

from schema.job import Job, encode_record, job_id
from schema.keys import key
from schema.run import RunState
from schema.runtime.asyncio_door import aio
from sender.queue.run_queue import RunQueue
from tests.integration.queue.jobs import FAR_MS, enqueue, final, open_queue, run_of, state_of


async def test_a_run_finishes_with_its_last_job_and_waits_for_the_registry(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 2)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("c", 10)).groups
    await queue.settle(1, [final(group, r) for r in group.records])
    assert [(f.run_id, f.state, f.left) for f in await runs.finished()] == [("r", RunState.FINISHED, 0)]
    await runs.confirm_finished(["r"])
    assert await runs.finished() == []


async def test_a_finished_run_is_forgotten_only_after_the_registry_has_it(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 0)
    await aio(redis.hset, key("run:r"), "finished_at_ms", "1000")
    assert await runs.forget_ended(60_000) == 0
    await runs.confirm_finished(["r"])
    assert await runs.forget_ended(FAR_MS) == 0
    assert "r" in await runs.facts(["r"])
    assert await runs.forget_ended(60_000) == 1
    assert await runs.facts(["r"]) == {}
    assert await aio(redis.zcard, key("runs")) == 0


async def test_a_run_without_recipients_finishes_at_once(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 0)
    assert await state_of(runs, "r") == RunState.FINISHED


async def test_a_chunk_at_the_wrong_cursor_is_not_appended(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 2, last=False)
    again = [encode_record(job_id("r", "00000000"), Job("00000000"))]
    assert not await runs.enqueue_chunk("r", cursor="", next_cursor="00000001", records=again, last=False)
    assert await runs.enqueue_chunk("r", cursor="00000001", next_cursor="9", records=[], last=True)
    assert (await runs.facts(["r"]))["r"].recipients == 2


async def test_a_held_run_gives_nothing_until_every_holder_lets_go(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    queue = await open_queue(redis)
    assert await runs.hold("r", "source")
    assert await runs.hold("r", "operator")
    assert (await queue.claim("a", 1)).groups == []
    await runs.let_go("r", "source")
    assert (await queue.claim("b", 1)).groups == []
    assert (await runs.facts(["r"]))["r"].held_by == ["operator"]
    await runs.let_go("r", "operator")
    assert len((await queue.claim("c", 1)).groups) == 1


async def test_a_cancelled_run_is_drained_and_then_finished(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 5, last=False)
    queue = await open_queue(redis)
    assert await runs.cancel("r")
    assert (await queue.claim("a", 5)).groups == []
    (first,) = await queue.drain("d1", 3)
    assert (first.state, len(first.records)) == ("cancelled", 3)
    assert await queue.drain("d1", 3) == [first]
    (rest,) = await queue.drain("d2", 3)
    await queue.settle(1, [final(g, r, "cancelled") for g in (first, rest) for r in g.records])
    facts = (await runs.facts(["r"]))["r"]
    assert (facts.state, facts.left, facts.outcomes) == (RunState.FINISHED, 0, {"cancelled": 5})
    assert not await runs.enqueue_chunk("r", cursor="00000004", next_cursor="x", records=[b"x" * 20], last=True)


async def test_runs_that_have_nothing_to_drain_yet_keep_nobody_waiting(redis: Redis, runs: RunQueue) -> None:
    for number in range(60):
        await enqueue(runs, run_of(f"still filled {number}", expires_at_ms=1), 0, last=False)
    await enqueue(runs, run_of("r"), 5)
    queue = await open_queue(redis)
    await queue.drain("expires the others", 1)
    await runs.cancel("r")
    assert [(g.run_id, len(g.records)) for g in await queue.drain("d", 5)] == [("r", 5)]


async def test_an_expired_run_is_drained_though_its_lane_never_came_up(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r", expires_at_ms=1), 2)
    queue = await open_queue(redis)
    (group,) = await queue.drain("d", 10)
    assert (group.state, len(group.records)) == ("expired", 2)


async def test_an_expired_run_that_cannot_be_filled_any_further_is_ended_by_a_cancel(
    redis: Redis, runs: RunQueue
) -> None:
    await enqueue(runs, run_of("r", expires_at_ms=1), 2, last=False)
    queue = await open_queue(redis)
    (group,) = await queue.drain("d", 10)
    await queue.settle(1, [final(group, r, "expired") for r in group.records])
    assert await state_of(runs, "r") is RunState.EXPIRED
    assert await runs.cancel("r")
    assert await state_of(runs, "r") is RunState.FINISHED
    assert not await runs.cancel("r")


async def test_an_expired_run_is_not_claimed(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r", expires_at_ms=1), 2)
    queue = await open_queue(redis)
    assert (await queue.claim("c", 10)).groups == []
    assert await state_of(runs, "r") == RunState.EXPIRED


async def test_an_emptied_redis_makes_a_new_epoch(redis: Redis, runs: RunQueue) -> None:
    epoch = await runs.epoch()
    assert await runs.epoch() == epoch
    await aio(redis.flushall)
    assert await runs.epoch() != epoch
