"""Runs are put into the queue up to the reserve of Redis's memory, wait there, and go on by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import trio
from redis.asyncio import Redis

from schema.keys import key
from schema.run import RunState
from schema.runtime.asyncio_door import aio
from schema.runtime.write_when_full import write_when_full
from schema.snapshot import RunsSnapshot
from sender.queue.redis_memory import Memory, MemoryReader
from sender.queue.run_queue import RunQueue
from tests.integration.listed_runs import by_id
from tests.integration.runs.world import World
from tests.patience import patience_s
from tests.unit.api.contents import now_ms, process

PEOPLE = [str(n) for n in range(11, 21)]
"""Of a run: four chunks."""


@pytest.fixture
async def redis(world: World) -> AsyncIterator[Redis]:
    """Its bound is taken away at the end."""
    yield world.client
    with trio.CancelScope(shield=True, deadline=trio.current_time() + patience_s()):
        await aio(world.client.config_set, "maxmemory", "0")


async def bound(redis: Redis, *, used_share: float) -> None:
    used = (await aio(MemoryReader(redis, None).read)).used or 0
    await aio(redis.config_set, "maxmemory", int(used / used_share))


class Silent:
    """A Redis that does not tell how full it is."""

    async def read(self) -> Memory:
        return Memory(None, None)


class FullAfter(RunQueue):
    """Redis has no room after so many chunks."""

    def __init__(self, redis: Redis, chunks: int, used_share: float) -> None:
        super().__init__(redis)
        self._redis_itself, self._chunks, self._used_share = redis, chunks, used_share

    async def enqueue_chunk(self, run_id: str, **of: Any) -> bool:
        done = await super().enqueue_chunk(run_id, **of)
        self._chunks -= 1
        if self._chunks == 0:
            await bound(self._redis_itself, used_share=self._used_share)
        return done


async def causes(world: World, figures: RunsSnapshot, run_id: str) -> list[str]:
    """What a run waits for, as people see it while a run processor with these figures lives."""
    alive = process("r", at_ms=now_ms() + 60_000, runs=figures)
    commands = [("HSET", key("processes"), "r", msgspec.json.encode(alive))]
    await aio(write_when_full, world.client, commands)
    run = (await by_id(world.url, world.client))[run_id]
    return [one.cause for one in run.waiting_because if one.cause != "no_sender"]


@pytest.mark.parametrize("name", ["source", "submitted"])
@pytest.mark.parametrize(("memory", "used_share"), [(None, 0.95), (None, 2.0), (Silent(), 2.0)])
async def test_a_run_is_not_taken_before_redis_has_room(
    world: World, redis: Redis, name: Any, memory: Any, used_share: float
) -> None:
    figures = RunsSnapshot()
    processor = world.processor(name, figures=figures, memory=memory)
    await world.turn(processor)
    if name == "source":
        run_id = world.run(*PEOPLE)
    else:
        run_id = "by hand"
        world.submitted_run(run_id, *PEOPLE)
    await bound(redis, used_share=used_share)
    for _ in range(2):
        await world.turn(processor)
        assert figures.redis_full == [name]
        assert await world.queue.facts([run_id]) == {}
        assert await causes(world, figures, run_id) == ["redis_full"]
    await aio(redis.config_set, "maxmemory", "0")
    await world.turn(processor)
    assert (figures.redis_full, world.recipients(run_id)) == ([], PEOPLE)
    assert await causes(world, figures, run_id) == []


@pytest.mark.parametrize(("memory", "used_share"), [(None, 0.95), (Silent(), 2.0)])
async def test_a_run_is_filled_up_to_the_reserve_and_steered_meanwhile(
    world: World, redis: Redis, memory: Any, used_share: float
) -> None:
    figures = RunsSnapshot()
    processor = world.processor(queue=FullAfter(redis, 2, used_share), figures=figures, memory=memory)
    filled, cancelled = world.run(*PEOPLE), world.run("31", "32", "33", "34")
    await world.turn(processor)
    assert (world.recipients(filled), world.recipients(cancelled)) == (PEOPLE[:3], ["31", "32", "33"])
    assert (figures.redis_full, figures.jobs_enqueued) == (["source"], 6)
    assert await causes(world, figures, filled) == ["redis_full"]
    world.change(filled, status="paused")
    world.change(cancelled, status="cancelled")
    await world.turn(processor)
    assert (await world.facts(filled)).held_by == ["source"]
    assert (await world.facts(cancelled)).state is RunState.CANCELLED
    world.change(filled, status="queued")
    await world.turn(processor)
    assert (await world.facts(filled)).held_by == []
    assert world.recipients(filled) == PEOPLE[:3]
    await aio(redis.config_set, "maxmemory", "0")
    await world.turn(processor)
    assert (figures.redis_full, world.recipients(filled)) == ([], PEOPLE)
    await world.keep_books()
    assert world.state(filled) == "active"
