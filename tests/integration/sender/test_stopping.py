"""A stop drains what is in flight and leaves the rest in the queue."""

from __future__ import annotations

import pytest
import trio
from structlog.testing import capture_logs

from schema.keys import key
from schema.run import Run
from schema.runtime.asyncio_door import aio
from tests.integration.sender.world import FAR_MS, World, people
from tests.patience import patience_s


@pytest.mark.both_brokers
async def test_a_stop_drains_and_leaves_the_rest_in_the_queue(world: World) -> None:
    await world.control(latency_ms=300)
    await world.add("r", people(200))
    async with world.sender() as stop:
        with trio.fail_after(patience_s()):
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
        with trio.fail_after(patience_s()):
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


async def test_a_stop_just_after_the_queue_was_emptied_logs_again_what_nobody_had_relayed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sender.app._SETTLE_WITHIN_S", 1.0)
    await world.add("r", people(5))
    async with world.sender(kafka_bootstrap_servers="127.0.0.1:9", lease_ms=10_000):
        await world.finished("r")
        await aio(world.redis.flushall)
    (box,) = await aio(world.redis.keys, key("outbox:*"))
    assert await aio(world.redis.xlen, box) == 5


async def test_a_stop_drains_no_further_group_of_a_cancelled_run(world: World) -> None:
    await world.runs.create_run(Run(run_id="r", page_id="100", message={"text": "hi"}, expires_at_ms=FAR_MS))
    await world.runs.hold("r", "operator")
    await world.add("r", people(5000))
    await world.runs.cancel("r")
    async with world.sender() as stop:
        with trio.fail_after(patience_s()):
            while (before := (await world.runs.facts(["r"]))["r"].left) == 5000:
                await trio.sleep(0.01)
        stop.request()
    assert before - (await world.runs.facts(["r"]))["r"].left <= 400  # at most the group under way, and one more
    assert await aio(world.redis.zcard, key("sessions")) == 0
    assert await aio(world.redis.keys, key("held:*")) == []
