"""The sender service on real servers, against the fake Graph API."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
import trio
from cryptography.fernet import Fernet
from redis.asyncio import Redis
from structlog.testing import capture_logs

from ingest.rows import Row, read_message
from ops.fakegraph.process import open_fakegraph
from schema.event import LogEvent, encode_event
from schema.job import Job, encode_record, job_id
from schema.keys import key
from schema.run import Run, RunState
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.stop import Stop
from sender.app import serve
from sender.queue.runs import PageFacts, RunFacts, RunQueue
from sender.settings import SenderSettings
from sender.tokens import TokenBox

FAR_MS = 4_000_000_000_000
KEY = Fernet.generate_key().decode()


class World:
    """A queue, a fake Graph API and settings for a sender between them."""

    def __init__(self, redis: Redis, redis_url: str, kafka_bootstrap: str, graph_url: str) -> None:
        self.redis = redis
        self.runs = RunQueue(redis)
        self.graph_url = graph_url
        self.values: dict[str, Any] = {
            "redis_url": redis_url,
            "kafka_bootstrap_servers": kafka_bootstrap,
            "kafka_topic": f"t{uuid4().hex[:8]}",
            "token_encryption_key": KEY,
            "graph_api_url": graph_url,
            "rate_limit_per_page": 10_000,
            "worker_concurrency": 20,
            "lease_ms": 1000,
            "drain_timeout_ms": 2000,
            "enforce_messaging_window": False,
        }

    async def add(
        self, run_id: str, people: list[str], *, page: str = "100", token: str = "EAAtoken", **more: Any
    ) -> None:
        sealed = TokenBox(SenderSettings(**self.values).token_encryption_key).seal(token)
        await self.runs.set_page(PageFacts(page_id=page, sealed_token=sealed))
        message = more.pop("message", {"text": "hi"})
        variables = more.pop("variables", {})
        run = Run(run_id=run_id, page_id=page, message=message, **{"expires_at_ms": FAR_MS, **more})
        await self.runs.create_run(run)
        records = [encode_record(job_id(run_id, p), Job(p, variables.get(p))) for p in people]
        assert await self.runs.enqueue_chunk(run_id, cursor="", next_cursor="x", records=records, last=True)

    @contextlib.asynccontextmanager
    async def sender(self, **changes: Any) -> AsyncIterator[Stop]:
        settings = SenderSettings(**{**self.values, **changes})
        stop = Stop(settings.drain_timeout_ms / 1000)
        async with trio.open_nursery() as nursery:
            await nursery.start(serve, settings, stop)
            yield stop
            if not stop.requested.is_set():  # a second request would cut the drain short
                stop.request()

    async def finished(self, *run_ids: str) -> dict[str, RunFacts]:
        with trio.fail_after(30):
            while True:
                facts = await self.runs.facts(list(run_ids))
                if all(f.state is RunState.FINISHED for f in facts.values()):
                    return facts
                await trio.sleep(0.02)

    async def graph(self, path: str) -> Any:
        async with httpx.AsyncClient() as client:
            return (await client.get(self.graph_url + path)).text

    async def accepted(self) -> list[Any]:
        return [msgspec.json.decode(line) for line in (await self.graph("/__ledger")).splitlines()]

    async def control(self, **change: Any) -> None:
        async with httpx.AsyncClient() as client:
            (await client.post(f"{self.graph_url}/__control", json=change)).raise_for_status()

    async def failures(self) -> list[LogEvent]:
        entries: Any = await aio(self.redis.xrange, key("failures"))
        return [msgspec.json.decode(fields[b"v"], type=LogEvent) for _, fields in entries]


@pytest.fixture
async def world(redis_url: str, kafka_bootstrap: str, asyncio_loop: Any) -> AsyncIterator[World]:
    redis = open_redis(redis_url)
    async with open_fakegraph() as graph_url:
        yield World(redis, redis_url, kafka_bootstrap, graph_url)
    await aio(redis.aclose)


def people(count: int) -> list[str]:
    return [str(7_000_000_000 + n) for n in range(count)]


@pytest.mark.both_brokers
async def test_every_recipient_gets_the_message_once(world: World) -> None:
    await world.add("a", people(300), page="1")
    await world.add("b", people(200), page="2")
    async with world.sender():
        facts = await world.finished("a", "b")
    assert facts["a"].outcomes == {"sent": 300}
    assert facts["b"].outcomes == {"sent": 200}
    accepted = await world.accepted()
    assert sorted((m["page_id"], m["recipient_id"]) for m in accepted) == sorted(
        [("1", p) for p in people(300)] + [("2", p) for p in people(200)]
    )
    outboxes: Any = await aio(world.redis.keys, key("outbox:*"))
    assert [await aio(world.redis.xlen, box) for box in outboxes] == [0] * len(outboxes)


async def test_variables_are_filled_and_unfit_recipients_end_with_their_reason(world: World) -> None:
    ids = ["1", "2", "3", "not digits"]
    variables: dict[str, Any] = {"1": {"name": 'Ann "x"'}, "2": {"name": "y" * 2001}}
    await world.add("r", ids, message={"text": "Hi {{name}}"}, variables=variables)
    async with world.sender():
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes == {"sent": 1, "failed": 3}
    assert sorted((e.recipient_id, str(e.error_class), e.attempt) for e in await world.failures()) == [
        ("2", "text_too_long", 0),
        ("3", "missing_variable", 0),
        ("not digits", "invalid_recipient", 0),
    ]


@pytest.mark.both_brokers
async def test_a_transient_error_is_tried_again_under_the_next_attempt(world: World) -> None:
    await world.control(errors={"transient_2_service_unavailable": 1.0})
    await world.add("r", people(1))
    async with world.sender():
        with trio.fail_after(10):
            while not (await world.runs.facts(["r"]))["r"].outcomes:
                await trio.sleep(0.01)
        await world.control(errors={})
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes == {"retrying": 1, "sent": 1}
    assert [m["metadata"][-4:] for m in await world.accepted()] == [";a=2"]


async def test_a_lost_answer_ends_as_unknown_and_is_not_sent_again(world: World) -> None:
    await world.control(errors={"fault_reset_after_full_request": 1.0})
    await world.add("r", people(5))
    async with world.sender():
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes == {"unknown": 5}
    assert len(await world.accepted()) == 5


async def test_an_unreachable_graph_loses_nothing(world: World) -> None:
    await world.add("r", people(10))
    values = {**world.values}
    world.values["graph_api_url"] = "http://127.0.0.1:9"
    async with world.sender():
        await trio.sleep(0.3)
    assert (await world.runs.facts(["r"]))["r"].left == 10
    world.values = values
    async with world.sender():
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes == {"sent": 10}


async def test_a_dead_token_opens_the_breaker_and_keeps_the_jobs(world: World) -> None:
    await world.add("r", people(30), token="dead-token")
    async with world.sender():
        with trio.fail_after(10):
            while await aio(world.redis.hget, key("page:100"), "breaker") != b"open":
                await trio.sleep(0.01)
        facts = (await world.runs.facts(["r"]))["r"]
        assert facts.left == 30
        sealed = TokenBox(SenderSettings(**world.values).token_encryption_key).seal("EAAgood")
        await world.runs.set_page(PageFacts(page_id="100", sealed_token=sealed))
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes["sent"] == 30


async def test_a_recovered_run_is_sent_with_the_token_of_its_new_queue(world: World) -> None:
    await world.add("r", people(3), token="dead-token")
    async with world.sender():
        with trio.fail_after(20):
            while await aio(world.redis.hget, key("page:100"), "breaker") != b"open":  # noqa: ASYNC110 - by the sender
                await trio.sleep(0.01)
        await aio(world.redis.flushall)
        await world.add("r", people(3), token="EAAgood")
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes == {"sent": 3}


async def test_a_corrupt_record_ends_as_failed_and_the_rest_goes_on(world: World) -> None:
    await world.add("r", people(3))
    await aio(world.redis.lpush, key("jobs:r"), b"0123456789abcdef" + b"\xff" * 6000)
    await aio(world.redis.hincrby, key("run:r"), "left", 1)
    async with world.sender():
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes == {"sent": 3, "failed": 1}
    (failure,) = await world.failures()
    assert failure.error_class == "corrupt"
    assert "ffff" in (failure.error_message or "")
    assert isinstance(read_message(0, 0, encode_event(failure)), Row)


@pytest.mark.both_brokers
async def test_a_stop_drains_and_leaves_the_rest_in_the_queue(world: World) -> None:
    await world.control(latency_ms=300)
    await world.add("r", people(200))
    async with world.sender() as stop:
        with trio.fail_after(10):
            while not (await world.runs.facts(["r"]))["r"].outcomes:
                await trio.sleep(0.01)
        stop.request()
    facts = (await world.runs.facts(["r"]))["r"]
    sent = facts.outcomes["sent"]
    assert 0 < sent < 200
    assert facts.outcomes == {"sent": sent}
    assert facts.left == 200 - sent == await aio(world.redis.llen, key("jobs:r"))
    assert len(await world.accepted()) == sent


async def test_a_hard_stop_says_unknown_of_what_had_left(world: World) -> None:
    await world.control(latency_ms=20_000)
    await world.add("r", people(30))
    async with world.sender(drain_timeout_ms=100) as stop:
        with trio.fail_after(10):
            while await aio(world.redis.llen, key("jobs:r")) != 10:
                await trio.sleep(0.01)
        await trio.sleep(0.2)
        stop.request()
    facts = (await world.runs.facts(["r"]))["r"]
    assert facts.outcomes == {"unknown": 20}
    assert facts.left == 10


async def test_a_stop_without_a_broker_waits_for_it_and_keeps_its_session_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sender.app._SETTLE_WITHIN_S", 1.0)
    await world.add("r", people(30))
    with capture_logs() as lines:
        async with world.sender(kafka_bootstrap_servers="127.0.0.1:9", lease_ms=500):
            await world.finished("r")
    events = [line["event"] for line in lines]
    assert "session_lost" not in events
    assert events[-1] == "stopped_unsettled"
    assert await aio(world.redis.zcard, key("sessions")) == 0  # given up: another sender relays at once
    (box,) = await aio(world.redis.keys, key("outbox:*"))
    assert await aio(world.redis.xlen, box) == 30


async def test_batches_are_sent_and_settled_by_member(world: World) -> None:
    await world.add("r", people(120))
    async with world.sender(graph_batch_size=50, worker_concurrency=4):
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes == {"sent": 120}
    assert len(await world.accepted()) == 120


async def test_a_cancelled_run_ends_with_one_event_for_each_recipient_left(world: World) -> None:
    await world.runs.create_run(Run(run_id="x", page_id="9", message={"text": "x"}, expires_at_ms=FAR_MS))
    await world.add("r", people(50), page="9")
    await world.runs.cancel("r")
    async with world.sender():
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes == {"cancelled": 50}
    assert await world.accepted() == []


async def test_a_stop_drains_no_further_group_of_a_cancelled_run(world: World) -> None:
    await world.runs.create_run(Run(run_id="r", page_id="100", message={"text": "hi"}, expires_at_ms=FAR_MS))
    await world.runs.hold("r", "operator")
    await world.add("r", people(5000))
    await world.runs.cancel("r")
    async with world.sender() as stop:
        with trio.fail_after(20):
            while (before := (await world.runs.facts(["r"]))["r"].left) == 5000:
                await trio.sleep(0.01)
        stop.request()
    assert before - (await world.runs.facts(["r"]))["r"].left <= 400  # at most the group under way, and one more
    assert await aio(world.redis.zcard, key("sessions")) == 0
    assert await aio(world.redis.keys, key("held:*")) == []


async def test_a_cut_to_redis_is_not_called_an_outage_of_the_broker(world: World) -> None:
    with capture_logs() as lines:
        async with world.sender():
            with trio.fail_after(20):
                while not any(line.get("part") == "redis (outbox)" for line in lines):
                    await _cut_calls_under_way(world.redis)
    parts = {line["part"] for line in lines if line["event"] == "part_unreachable"}
    assert all(part.startswith("redis") for part in parts)


async def _cut_calls_under_way(redis: Any) -> None:
    """Hold every call for 300 ms, then cut their connections before the first of them is answered."""
    calls = redis.pipeline(transaction=False)
    calls.client_pause(300, all=True)
    calls.client_kill_filter(_type="normal", skipme=True)  # waits too, at the head of the queue
    await aio(calls.execute)
