"""Each script runs and its answer is lost: no job is stranded, and none goes out twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs

from ops.fakegraph.child_process import open_fakegraph
from schema.job import JOB_ID_BYTES, Job, encode_record, job_id
from schema.keys import key
from schema.outcomes import Outcome
from schema.run import Run
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import Limits, SessionQueue
from sender.queue.until_answered import UntilAnswered
from sender.sealed_tokens import TokenBox
from sender.settings import SenderSettings
from tests.faults.redis_proxy import RedisProxy, open_proxy
from tests.integration.sender.world import FAR_MS, World, people
from tests.patience import patience_s

DEAD_PAGE = "200"
ALL = Limits(text=1_000_000, media=1_000_000, app=0)


class ProxiedWorld(World):
    """A world whose sender reaches Redis through a proxy; the test itself does not."""

    proxy: RedisProxy


@pytest.fixture
async def world(redis_url: str, kafka_bootstrap: str, asyncio_loop: Any) -> AsyncIterator[ProxiedWorld]:
    redis = open_redis(redis_url)
    async with open_fakegraph("--latency-ms", "20") as graph_url, open_proxy(redis_url) as proxy:
        world = ProxiedWorld(redis, proxy.url, kafka_bootstrap, graph_url)
        world.proxy = proxy
        yield world
    await aio(redis.aclose)


async def leave_a_dead_session(world: World) -> None:
    """A session whose lease has run out holds six jobs of run `lost`; three of them may have left."""
    await world.add("lost", people(6), page="300")
    dead = SessionQueue(world.redis, ALL, lease_ms=1)
    await dead.open()
    records = [r for group in (await dead.claim("c", 6)).groups for r in group.records]
    await dead.mark([(record[:JOB_ID_BYTES], 1) for record in records[:3]])


async def slip_in_unheard_of_jobs(world: World) -> None:
    """The sender's session holds five jobs of run `unheard` that it was never told of; one of them is marked."""
    await world.runs.create_run(Run(run_id="unheard", page_id="400", message={"text": "hi"}, expires_at_ms=FAR_MS))
    await world.runs.hold("unheard", "operator")  # the sender itself does not claim them first
    await world.add("unheard", people(5), page="400")
    newest: Any = await aio(world.redis.zrange, key("sessions"), -1, -1)
    session = newest[0].decode()
    records: Any = await aio(world.redis.lrange, key("jobs:unheard"), 0, -1)
    await aio(world.redis.delete, key("jobs:unheard"))
    held = {record[:JOB_ID_BYTES]: b"unheard\0" + record for record in records}
    await aio(world.redis.hset, key(f"held:{session}"), mapping=held)
    await aio(world.redis.hset, key(f"marks:{session}"), records[0][:JOB_ID_BYTES], b"1\0" + b"1700000000000000")
    await world.runs.let_go("unheard", "operator")


async def mend_the_dead_page(world: World) -> None:
    """Wait until its token has opened the breaker, then give it a good one."""
    with trio.fail_after(patience_s()):
        while await aio(world.redis.hget, key(f"page:{DEAD_PAGE}"), "breaker") != b"open":  # noqa: ASYNC110
            await trio.sleep(0.01)
    sealed = TokenBox(SenderSettings(**world.values).token_encryption_key).seal("EAAgood")
    await PageQueue(world.redis).set_page(PageFacts(page_id=DEAD_PAGE, sealed_token=sealed))


ONCE = ("sessions/open", "sessions/take_over", "sessions/disown", "pages/unusable", "sessions/close", "outbox/forget")
OFTEN = ("sessions/renew", "work/claim", "work/mark", "work/settle", "work/drain", "outbox/trim")


@pytest.mark.parametrize(("script", "after"), [*((name, 0) for name in ONCE + OFTEN), *((name, 2) for name in OFTEN)])
async def test_a_sender_that_loses_the_answer_of(script: str, after: int, world: ProxiedWorld) -> None:
    await leave_a_dead_session(world)
    await world.add("plain", people(60))
    await world.add("ended", people(20), page="9")
    await world.runs.cancel("ended")
    await world.add("dead", people(8), page=DEAD_PAGE, token="dead-token")
    if script == "pages/unusable":
        await PageQueue(world.redis).set_page(PageFacts(page_id=DEAD_PAGE, sealed_token="not sealed by us"))
    world.proxy.cut_answer(script, after=after)
    async with world.sender():
        await slip_in_unheard_of_jobs(world)
        await mend_the_dead_page(world)
        facts = await world.finished("plain", "ended", "lost", "dead", "unheard")
    assert world.proxy.cut.is_set(), "the script was not called"
    outcomes = {run: {k: n for k, n in f.outcomes.items() if k != "retrying"} for run, f in facts.items()}
    assert outcomes == {
        "plain": {"sent": 60},
        "ended": {"cancelled": 20},
        "lost": {"sent": 3, "unknown": 3},
        "dead": {"sent": 8},
        "unheard": {"sent": 4, "unknown": 1},
    }
    accepted = [(m["page_id"], m["recipient_id"]) for m in await world.accepted()]
    assert len(accepted) == len(set(accepted)) == 60 + 3 + 8 + 4
    assert await aio(world.redis.keys, key("held:*")) == []
    assert await aio(world.redis.keys, key("marks:*")) == []
    assert await aio(world.redis.hget, key("app"), "outbox") == b"0"


@pytest.mark.parametrize("script", ["runs/create", "runs/enqueue_chunk"])
async def test_a_run_is_enqueued_once_though_the_answer_is_lost_of(script: str, world: ProxiedWorld) -> None:
    redis, until_answered = open_redis(world.proxy.url), UntilAnswered(lease_s=10.0)
    runs = RunQueue(redis)
    run = Run(run_id="r", page_id="100", message={"text": "hi"}, expires_at_ms=FAR_MS)
    records = [encode_record(job_id("r", p), Job(p)) for p in people(10)]
    world.proxy.cut_answer(script)
    await until_answered(lambda: runs.create_run(run))
    await until_answered(lambda: runs.enqueue_chunk("r", cursor="", next_cursor="x", records=records, last=True))
    assert world.proxy.cut.is_set()
    facts = (await runs.facts(["r"]))["r"]
    assert (facts.recipients, facts.left, facts.cursor, facts.enqueued) == (10, 10, "x", True)
    assert await aio(redis.llen, key("jobs:r")) == 10
    await aio(redis.aclose)


async def test_a_late_answer_to_a_settlement_does_not_make_us_forget_a_job_that_is_ours_again(
    world: ProxiedWorld,
) -> None:
    await world.control(next=["transient_2_service_unavailable"], latency_ms=1500)
    answer = world.proxy.keep_answer("work/settle")
    async with world.sender():
        await world.add("r", people(1))
        await world.proxy.cut.wait()  # back in the queue, and we do not know it yet
        with trio.fail_after(patience_s()):
            while await aio(world.redis.keys, key("marks:*")) == []:  # noqa: ASYNC110 - the change is in another process
                await trio.sleep(0.01)
        answer.set()
        facts = await world.finished("r")
    assert facts["r"].outcomes == {"retrying": 1, "sent": 1}


async def test_nobody_ends_whose_queue_is_lost_between_the_claim_and_the_look_at_its_run(
    world: ProxiedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sender.app._SETTLE_WITHIN_S", 0.1)
    await world.add("r", people(5))
    answer = world.proxy.keep_answer("work/claim")
    async with world.sender(kafka_bootstrap_servers="127.0.0.1:9"):  # what is logged stays in the outbox
        await world.proxy.cut.wait()
        await aio(world.redis.flushall)
        answer.set()
        with trio.fail_after(patience_s()):
            while await aio(world.redis.zcard, key("sessions")) == 0:  # noqa: ASYNC110 - the change is in another process
                await trio.sleep(0.01)
        await world.add("r", people(5))  # recovered, into a queue that counts its tokens anew
        facts = await world.finished("r")
        boxes: Any = await aio(world.redis.keys, key("outbox:*"))
        events = [await aio(world.redis.xlen, box) for box in boxes]
    assert facts["r"].outcomes == {"sent": 5}
    assert sum(events) == 5


async def test_a_session_given_up_is_not_taken_for_lost(world: ProxiedWorld) -> None:
    answer = world.proxy.keep_answer("sessions/close")
    with capture_logs() as lines:
        async with world.sender(lease_ms=500) as stop:
            stop.request()
            await world.proxy.cut.wait()
            await trio.sleep(0.3)  # two renewals' time
            answer.set()
    assert [line["event"] for line in lines if line["log_level"] in ("warning", "error")] == []
    assert await aio(world.redis.zcard, key("sessions")) == 0


async def test_a_connection_that_falls_silent_does_not_cost_the_session(world: ProxiedWorld) -> None:
    other = SessionQueue(world.redis, ALL, lease_ms=1000)
    await other.open()
    answer = world.proxy.keep_answer("sessions/renew")
    async with world.sender():
        await world.proxy.cut.wait()
        looked_until = trio.current_time() + 2.5  # leases
        while trio.current_time() < looked_until:
            await other.renew(0)
            assert await other.take_over() is None
            await trio.sleep(0.1)
        answer.set()


async def test_claiming_goes_on_as_soon_as_a_late_settlement_is_answered(
    world: ProxiedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sender.delivery.dispatcher._ASK_AGAIN_S", 3600)
    await world.add("r", people(30))
    answer = world.proxy.keep_answer("work/settle")
    async with world.sender(worker_concurrency=5):
        await world.proxy.cut.wait()
        with trio.fail_after(patience_s()):
            while len(await world.accepted()) < 10:  # twice as many jobs as tasks are in hand
                await trio.sleep(0.01)
        await trio.sleep(0.3)  # all tasks are idle now: only the settlement makes room
        answer.set()
        facts = await world.finished("r")
    assert facts["r"].outcomes == {"sent": 30}


@pytest.mark.parametrize("seed", range(3))
async def test_senders_that_lose_one_answer_in_ten_lose_and_double_nothing(seed: int, world: ProxiedWorld) -> None:
    await world.add("r", people(400))
    await world.add("ended", people(50), page="9")
    await world.control(errors={"transient_2_service_unavailable": 0.05})
    world.proxy.cut_some_answers(0.1, seed)
    async with world.sender(), world.sender(worker_concurrency=40):
        for _ in range(3):
            await trio.sleep(0.3)
            await world.control(refuse_ms=200)  # jobs go back that were marked, or were not
        await world.runs.cancel("ended")
        facts = await world.finished("r", "ended")
        world.proxy.cut_some_answers(0.0, seed)
    assert world.proxy.cuts > 5
    ends: Counter[str] = Counter()
    for run in facts.values():
        ends.update(run.outcomes)
    assert ends["sent"] + ends["failed"] + ends["unknown"] + ends["cancelled"] == 450
    accepted = [(m["page_id"], m["recipient_id"]) for m in await world.accepted()]
    assert ends["sent"] <= len(accepted) == len(set(accepted)) <= ends["sent"] + ends["unknown"]
    # unknown is only what the stand-in closed its connection under, never what an answer of Redis was lost of
    unknown = [event.error_message or "" for event in await world.failures() if event.outcome is Outcome.UNKNOWN]
    assert [reason for reason in unknown if not reason.startswith("read: ")] == []
    assert await aio(world.redis.keys, key("held:*")) == []
