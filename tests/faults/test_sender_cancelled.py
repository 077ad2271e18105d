"""A sender cancelled or stopped at any moment ends, and leaves no task and no socket behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest
import trio

from ops.fakegraph.child_process import open_fakegraph
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.stop import Stop
from sender.app import serve
from sender.settings import SenderSettings
from tests.integration.sender.world import World, people

ROUNDS = 15
AT_MOST_S = 0.5
"""Long enough for a sender to be sending; the first moments have most of what can go wrong."""


@pytest.fixture
async def world(redis_url: str, kafka_bootstrap: str, asyncio_loop: Any) -> AsyncIterator[World]:
    redis = open_redis(redis_url)
    async with open_fakegraph("--latency-ms", "30") as graph_url:
        yield World(redis, redis_url, kafka_bootstrap, graph_url)
    await aio(redis.aclose)


async def tasks_of_asyncio() -> list[str]:
    """Name what still runs on the asyncio side, ourselves apart."""

    async def others() -> list[str]:  # noqa: ASYNC124 - it must run on that side
        return [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    return await aio(others)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("how", ["cancelled", "stopped", "stopped twice"])
async def test_a_sender_ends_at_any_moment_when_it_is(how: str, seed: int, world: World) -> None:
    moments = random.Random(seed)  # noqa: S311
    await world.add("r", people(20_000), token="dead-token" if seed else "EAAgood")
    before: int | None = None
    for _ in range(ROUNDS):
        stop = Stop(1.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, SenderSettings(**world.values), stop)
            await trio.sleep(moments.random() * AT_MOST_S)
            for _ in range(["cancelled", "stopped", "stopped twice"].index(how)):
                stop.request()
            if how == "cancelled":
                nursery.cancel_scope.cancel()
        assert await tasks_of_asyncio() == []
        sockets = len(psutil.Process().net_connections())
        before = before or sockets  # the test's own come with the first round
        assert sockets <= before
