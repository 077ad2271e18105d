"""Batches whose members fare differently."""

from __future__ import annotations

import trio

from schema.keys import key
from schema.runtime.asyncio_door import aio
from tests.integration.sender.world import World, people
from tests.patience import patience_s

NOT_FOR_THIS_PERSON = "page_object_missing_100_33"
"""Perhaps the page's fault, perhaps one person's: counts where it comes in a row."""


async def test_failures_between_messages_that_got_through_are_no_row(world: World) -> None:
    await world.control(next=[NOT_FOR_THIS_PERSON, "send_ok", "send_ok"] * 3)
    await world.add("r", people(9))
    async with world.sender(graph_batch_size=3, worker_concurrency=1, circuit_breaker_threshold=2):
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes == {"sent": 9, "retrying": 3}


async def test_failures_in_a_row_within_one_batch_open_the_breaker(world: World) -> None:
    await world.control(next=["send_ok", NOT_FOR_THIS_PERSON, NOT_FOR_THIS_PERSON])
    await world.add("r", people(3))
    async with world.sender(graph_batch_size=3, worker_concurrency=1, circuit_breaker_threshold=2):
        with trio.fail_after(patience_s()):
            while await aio(world.redis.hget, key("page:100"), "breaker") != b"open":  # noqa: ASYNC110 - by the sender
                await trio.sleep(0.01)
