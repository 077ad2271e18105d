"""However a sender ends, what the Graph API answered in time is settled as that, and its event leaves or stays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
import trio

from schema.keys import key
from schema.run import RunState
from schema.runtime.asyncio_door import aio
from schema.runtime.stop import Stop
from sender.app import serve
from sender.delivery.delivery import Delivery, RequestBatch
from sender.outbox.relay import Relay
from sender.settings import SenderSettings
from tests.integration.sender.world import World, people
from tests.patience import patience_s

TASKS = 20


class SiblingFailed(Exception):
    pass


async def under_way(world: World) -> None:
    """Wait until the tasks have their requests at the stand-in, which keeps the answers."""
    with trio.fail_after(patience_s()):
        while msgspec.json.decode(await world.graph("/__requests"))["accepted"] < TASKS:
            await trio.sleep(0.01)


async def signal_twice(world: World, stop: Stop, serving: trio.CancelScope) -> None:
    stop.request()
    stop.request()


async def cancel(world: World, stop: Stop, serving: trio.CancelScope) -> None:
    serving.cancel()


async def signal_then_cancel(world: World, stop: Stop, serving: trio.CancelScope) -> None:
    stop.request()
    serving.cancel()


async def fail_beside(world: World, stop: Stop, serving: trio.CancelScope) -> None:
    raise SiblingFailed


End = Callable[[World, Stop, trio.CancelScope], Awaitable[None]]


async def end_with_all_tasks_waiting(world: World, end: End, *, drain_s: float = 20.0, answered: bool = True) -> None:
    """Run a sender beside `end`, which gets going when all tasks wait for answers; those come a little later."""
    await world.control(pause=True)
    await world.add("r", people(100))
    settings, stop = SenderSettings(**{**world.values, "worker_concurrency": TASKS + 1}), Stop(drain_s)
    try:
        async with trio.open_nursery() as outside:
            if answered:
                outside.start_soon(answer_later, world)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve, settings, stop)
                await under_way(world)
                nursery.start_soon(end, world, stop, nursery.cancel_scope)
    except* SiblingFailed:
        pass


async def answer_later(world: World) -> None:
    with trio.CancelScope(shield=True):
        await under_way(world)
        await trio.sleep(0.2)
        await world.control(pause=False)


async def outcomes_are_those_of_the_ledger(world: World) -> None:
    facts = (await world.runs.facts(["r"]))["r"]
    accepted = len(await world.accepted())
    assert accepted >= TASKS
    assert facts.outcomes == {"sent": accepted}
    assert facts.state is RunState.ACTIVE
    assert facts.left == 100 - accepted == await aio(world.redis.llen, key("jobs:r"))
    assert await aio(world.redis.keys, key("held:*")) == []
    assert await aio(world.redis.zcard, key("sessions")) == 0


@pytest.mark.parametrize("end", [signal_twice, cancel, signal_then_cancel, fail_beside])
async def test_what_is_answered_in_time_is_settled_when_a_sender_is_ended_by(end: End, world: World) -> None:
    await end_with_all_tasks_waiting(world, end)
    await outcomes_are_those_of_the_ledger(world)


async def test_what_is_answered_in_time_is_settled_when_a_service_of_the_sender_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay, failing = Relay.run, trio.Event()

    async def relay_until_it_fails(self: Relay) -> None:
        relaying = asyncio.ensure_future(relay(self))
        while not failing.is_set():
            await asyncio.sleep(0.01)
        relaying.cancel()
        raise SiblingFailed

    async def fail(world: World, stop: Stop, serving: trio.CancelScope) -> None:
        failing.set()

    monkeypatch.setattr(Relay, "run", relay_until_it_fails)
    await end_with_all_tasks_waiting(world, fail)
    await outcomes_are_those_of_the_ledger(world)
    (box,) = await aio(world.redis.keys, key("outbox:*"))
    assert await aio(world.redis.xlen, box) == len(await world.accepted())


async def test_what_is_answered_in_time_is_settled_when_a_task_of_the_sender_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver, failing, taken = Delivery.deliver, trio.Event(), iter([True])

    async def deliver_or_fail(self: Delivery, batch: RequestBatch) -> None:
        if not next(taken, False):
            await deliver(self, batch)
            return
        self._settle_rest(batch, None)
        await failing.wait()
        raise SiblingFailed

    async def fail(world: World, stop: Stop, serving: trio.CancelScope) -> None:
        failing.set()

    monkeypatch.setattr(Delivery, "deliver", deliver_or_fail)
    await end_with_all_tasks_waiting(world, fail)
    await outcomes_are_those_of_the_ledger(world)


@pytest.mark.parametrize("end", [signal_twice, cancel])
async def test_nobody_waits_for_an_answer_beyond_the_drain_time(end: End, world: World) -> None:
    await end_with_all_tasks_waiting(world, end, drain_s=0.1, answered=False)
    facts = (await world.runs.facts(["r"]))["r"]
    assert facts.outcomes == {"unknown": len(await world.accepted())}
    assert await aio(world.redis.zcard, key("sessions")) == 0
