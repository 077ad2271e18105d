"""What becomes of recipients, whatever the Graph API and the servers answer."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from structlog.testing import capture_logs

from ingest.writing.rows import Row, read_message
from schema.event import encode_event
from schema.keys import key
from schema.run import Run
from schema.runtime.asyncio_door import aio
from sender.queue.page_queue import PageFacts, PageQueue
from sender.sealed_tokens import TokenBox
from sender.settings import SenderSettings
from tests.integration.sender.world import FAR_MS, World, people
from tests.patience import patience_s


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
        with trio.fail_after(patience_s()):
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
        with trio.fail_after(patience_s()):
            while await aio(world.redis.hget, key("page:100"), "breaker") != b"open":
                await trio.sleep(0.01)
        facts = (await world.runs.facts(["r"]))["r"]
        assert facts.left == 30
        sealed = TokenBox(SenderSettings(**world.values).token_encryption_key).seal("EAAgood")
        await PageQueue(world.redis).set_page(PageFacts(page_id="100", sealed_token=sealed))
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes["sent"] == 30


async def test_a_recovered_run_is_sent_with_the_token_of_its_new_queue(world: World) -> None:
    await world.add("r", people(3), token="dead-token")
    async with world.sender(circuit_breaker_threshold=3):
        with trio.fail_after(patience_s()):
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


async def test_a_cut_to_redis_is_not_called_an_outage_of_the_broker(world: World) -> None:
    with capture_logs() as lines:
        async with world.sender():
            with trio.fail_after(patience_s()):
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
