"""The queue's scripts on a real server: claims, marks, settlements, leases, holds, drains and limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from redis.asyncio import Redis

from schema.job import Job, decode_record, encode_record, job_id
from schema.keys import key
from schema.run import Run, RunState
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.pages import PageQueue
from sender.queue.runs import PageFacts, RunQueue
from sender.queue.scripts import Scripts
from sender.queue.work import ClaimedGroup, Limits, SessionGone, Settlement, WorkQueue

FAR_MS = 4_000_000_000_000
FAST = Limits(text=1_000_000, media=1_000_000, app=0)
LEASE_MS = 10_000


@pytest.fixture
async def redis(redis_url: str, asyncio_loop: Any) -> AsyncIterator[Redis]:
    client = open_redis(redis_url)
    yield client
    await aio(client.aclose)


@pytest.fixture
def runs(redis: Redis) -> RunQueue:
    return RunQueue(redis)


def run_of(run_id: str, page_id: str = "1", **more: Any) -> Run:
    return Run(run_id=run_id, page_id=page_id, message={"text": "hi"}, **{"expires_at_ms": FAR_MS, **more})


async def enqueue(runs: RunQueue, run: Run, count: int, *, last: bool = True) -> None:
    await runs.create_run(run)
    people = [f"{n:08d}" for n in range(count)]
    records = [encode_record(job_id(run.run_id, p), Job(p)) for p in people]
    assert await runs.enqueue_chunk(
        run.run_id, cursor="", next_cursor=people[-1] if people else "", records=records, last=last
    )


async def open_queue(redis: Redis, limits: Limits = FAST, lease_ms: int = LEASE_MS) -> WorkQueue:
    queue = WorkQueue(redis, limits, lease_ms=lease_ms)
    await queue.open()
    return queue


def final(group: ClaimedGroup, record: bytes, outcome: str = "sent") -> Settlement:
    return Settlement(decode_record(record)[0], group.run_id, group.page_id, outcome, event=b"{}")


async def state_of(runs: RunQueue, run_id: str) -> RunState:
    return (await runs.facts([run_id]))[run_id].state


async def test_a_job_goes_from_the_queue_through_a_mark_into_the_outbox(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 3)
    queue = await open_queue(redis)
    claim = await queue.claim("c1", 2)
    (group,) = claim.groups
    assert (group.run_id, group.page_id, len(group.records)) == ("r", "1", 2)
    ids = [decode_record(r)[0] for r in group.records]
    times = await queue.mark([(i, 1) for i in ids])
    assert all(t is not None and abs(t - claim.now_us) < 60_000_000 for t in times)
    assert await queue.settle(1, [final(group, r) for r in group.records]) == [True, True]
    facts = (await runs.facts(["r"]))["r"]
    assert (facts.left, facts.outcomes, facts.state) == (1, {"sent": 2}, RunState.ACTIVE)
    outbox: Any = await aio(redis.xrange, key(f"outbox:{queue.session}"))
    assert [fields for _, fields in outbox] == [{b"k": b"1", b"v": b"{}"}] * 2


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
    assert await queue.settle(1, [settlement]) == [True]
    assert await queue.settle(1, [settlement]) == [True]  # the first answer once more
    assert await queue.settle(2, [settlement]) == [False]
    assert (await runs.facts(["r"]))["r"].outcomes == {"sent": 1}
    assert await aio(redis.xlen, key(f"outbox:{queue.session}")) == 1


async def test_a_late_repeat_of_a_settlement_leaves_the_job_that_was_claimed_again(
    redis: Redis, runs: RunQueue
) -> None:
    await enqueue(runs, run_of("r"), 1)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("c1", 1)).groups
    back = Settlement(decode_record(group.records[0])[0], "r", "1", "", record=group.records[0])
    assert await queue.settle(7, [back]) == [True]
    assert (await queue.claim("c2", 1)).groups == [group]
    assert await queue.settle(7, [back]) == [True]
    assert await queue.settle(6, [back]) == [False]
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
    assert await heir.take_over() is None  # too soon after the queue was last without any renewal
    await aio(redis.hdel, key("app"), "no_takeover_until_us")
    taken = await heir.take_over()
    assert taken is not None
    assert taken[0] == dead.session
    assert [(j.run_id, j.record, j.attempt, j.sent_at_us) for j in taken[1]] == [("r", group.records[0], 1, time)]
    assert [g.records for g in (await heir.claim("c", 2)).groups] == [[group.records[1]]]
    assert await dead.settle(1, [final(group, group.records[0])]) == [False]
    assert await dead.mark([(ids[1], 1)]) == [None]
    with pytest.raises(SessionGone):
        await dead.renew(2)
    assert await heir.settle(1, [final(group, group.records[0], "unknown")]) == [True]


async def test_after_a_silence_of_the_queue_everybody_has_one_lease_to_come_back(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    slow, quick = await open_queue(redis), await open_queue(redis)
    await slow.claim("c", 1)
    await aio(redis.hdel, key("app"), "no_takeover_until_us")
    await aio(redis.hset, key("app"), "renewed_at_us", 1)  # nobody could renew for a long time
    await aio(redis.zadd, key("sessions"), {slow.session: 1, quick.session: 2})
    assert await quick.take_over() is None  # though it asks before anybody has renewed
    assert await slow.renew(1)
    assert await quick.take_over() is None


async def test_nobody_inherits_from_himself(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("c", 1)).groups
    await queue.mark([(decode_record(group.records[0])[0], 1)])
    await aio(redis.hdel, key("app"), "no_takeover_until_us")
    await aio(redis.zadd, key("sessions"), {queue.session: 1})
    assert await queue.take_over() is None
    assert await queue.settle(1, [final(group, group.records[0])]) == [True]


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


async def test_an_expired_run_is_drained_though_its_lane_never_came_up(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r", expires_at_ms=1), 2)
    queue = await open_queue(redis)
    (group,) = await queue.drain("d", 10)
    assert (group.state, len(group.records)) == ("expired", 2)


async def test_an_expired_run_is_not_claimed(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r", expires_at_ms=1), 2)
    queue = await open_queue(redis)
    assert (await queue.claim("c", 10)).groups == []
    assert await state_of(runs, "r") == RunState.EXPIRED


async def test_pages_share_a_claim_and_runs_of_a_page_take_turns_by_priority(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("a1", "1"), 100)
    await enqueue(runs, run_of("a2", "1"), 100)
    await enqueue(runs, run_of("urgent", "2", priority=5), 100)
    await enqueue(runs, run_of("b", "2"), 100)
    queue = await open_queue(redis)
    taken: dict[str, int] = {}
    for n in range(20):  # even after whole rounds: a turn may have several jobs
        for group in (await queue.claim(f"c{n}", 8)).groups:
            taken[group.run_id] = taken.get(group.run_id, 0) + len(group.records)
    assert taken == {"a1": 40, "a2": 40, "urgent": 80}


async def test_a_page_at_its_limit_waits_and_the_others_go_on(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("slow", "1"), 100)
    await enqueue(runs, run_of("quick", "2"), 100)
    await runs.set_page(PageFacts(page_id="1", limit_text=10))
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


async def relay_all_of(redis: Redis, queue: WorkQueue) -> int:
    trimmed: int = await aio(Scripts(redis).call, "trim_outbox", queue.session, "99999999999999-0")
    return trimmed


async def test_a_breaker_opens_at_the_threshold_probes_once_and_closes(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue = await open_queue(redis)
    assert await queue.trouble("1", "failure", 60_000, "190", 2, 0) == ("closed", False)
    assert await queue.trouble("1", "failure", 60_000, "190", 2, 0) == ("open", True)
    assert (await queue.claim("a", 5)).groups == []
    await runs.set_page(PageFacts(page_id="1", sealed_token="sealed:new"))
    (probe,) = (await queue.claim("b", 5)).groups
    assert len(probe.records) == 1
    assert (await queue.claim("c", 5)).groups == []
    assert await queue.troubled() == {"1"}
    assert await queue.page_works(["1"]) == ["1"]
    assert len((await queue.claim("d", 5)).groups[0].records) == 5


async def test_an_answer_to_what_left_before_does_not_close_an_open_breaker(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue, pages = await open_queue(redis), PageQueue(redis)
    assert len((await queue.claim("a", 1)).groups) == 1  # on its way when somebody opens the breaker
    assert await pages.open_breaker("1")
    assert await queue.page_works(["1"]) == []
    assert (await queue.claim("b", 5)).groups == []
    assert await queue.troubled() == {"1"}
    assert await pages.close_breaker("1")
    assert len((await queue.claim("c", 5)).groups) == 1


async def test_a_later_failure_does_not_shorten_how_long_a_breaker_stays_open(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue = await open_queue(redis)
    assert await queue.trouble("1", "open", 60_000, "policy_page", 5, 0) == ("open", True)
    assert await queue.trouble("1", "open", 1, "auth_page", 5, 0) == ("open", False)
    await trio.sleep(0.01)
    assert (await queue.claim("a", 5)).groups == []


@pytest.mark.parametrize("outcome", ["suppressed", "failed", ""])
async def test_a_probe_that_asked_nothing_is_followed_by_the_next(redis: Redis, runs: RunQueue, outcome: str) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue = await open_queue(redis)
    await queue.trouble("1", "open", 60_000, "190", 1, 0)
    await runs.set_page(PageFacts(page_id="1", sealed_token="sealed:new"))
    (probe,) = (await queue.claim("a", 5)).groups
    job, event, record = probe.records[0][:16], b"{}" if outcome else b"", b"" if outcome else probe.records[0]
    await queue.settle(1, [Settlement(job, "r", "1", outcome, event, record)])
    (further,) = (await queue.claim("b", 5)).groups
    assert len(further.records) == 1
    assert (await queue.claim("c", 5)).groups == []
    await queue.mark([(further.records[0][:16], 1)])
    await queue.settle(2, [Settlement(further.records[0][:16], "r", "1", "unknown", b"{}")])
    assert (await queue.claim("d", 5)).groups == []


async def test_a_page_is_paused_and_resumed_by_hand(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue, pages = await open_queue(redis), PageQueue(redis)
    assert not await pages.pause("no such page")
    assert await pages.pause("1")
    assert (await queue.claim("a", 5)).groups == []
    assert await pages.resume("1")
    assert len((await queue.claim("b", 5)).groups) == 1


async def test_an_emptied_redis_makes_a_new_epoch(redis: Redis, runs: RunQueue) -> None:
    epoch = await runs.epoch()
    assert await runs.epoch() == epoch
    await aio(redis.flushall)
    assert await runs.epoch() != epoch
