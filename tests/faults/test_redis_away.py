"""Redis is killed and comes back with its data, or comes back empty, while a sender is at work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from redis.exceptions import RedisError

from ops.fakegraph.child_process import open_fakegraph
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from tests.faults.servers import Restartable, open_server
from tests.integration.sender.world import World, people
from tests.patience import patience_s


class MortalWorld(World):
    """A world whose Redis can be killed."""

    server: Restartable

    async def sent(self) -> int:
        """Count what the stand-in Graph API has accepted."""
        return len(await self.accepted())

    async def until_sent(self, count: int) -> None:
        with trio.fail_after(patience_s()):
            while await self.sent() < count:  # noqa: ASYNC110 - the change is in another process
                await trio.sleep(0.02)

    async def must_be_sent_once(self, recipients: int) -> None:
        accepted = [m["recipient_id"] for m in await self.accepted()]
        assert len(accepted) == len(set(accepted)) == recipients


@pytest.fixture
async def world(tmp_path: Path, kafka_bootstrap: str, asyncio_loop: Any) -> AsyncIterator[MortalWorld]:
    async with open_server(tmp_path, "redis") as server, open_fakegraph("--latency-ms", "30") as graph_url:
        redis = open_redis(server.address)
        world = MortalWorld(redis, server.address, kafka_bootstrap, graph_url)
        world.server = server
        yield world
        await aio(redis.aclose)


async def test_a_redis_that_is_killed_again_and_again_loses_and_doubles_nothing(world: MortalWorld) -> None:
    await world.add("r", people(1500))
    async with world.sender():
        for round_ in range(4):
            await world.until_sent(100 + 200 * round_)
            world.server.kill()
            await trio.sleep(0.3 * round_)
            await world.server.start()
        facts = (await world.finished("r"))["r"]
    assert facts.outcomes == {"sent": 1500}
    await world.must_be_sent_once(1500)


async def test_an_emptied_redis_sends_nothing_again_and_the_sender_goes_on(world: MortalWorld) -> None:
    await world.add("r", people(1000))
    async with world.sender():
        await world.until_sent(100)
        await aio(world.redis.flushall)
        await world.add("new", [str(1_000_000 + n) for n in range(50)], page="2")
        facts = (await world.finished("new"))["new"]
    assert facts.outcomes == {"sent": 50}
    assert await world.runs.facts(["r"]) == {}
    sent = [m["recipient_id"] for m in await world.accepted()]
    assert len(sent) == len(set(sent)) < 1050
    async with world.sender():
        await world.add("newer", [str(2_000_000 + n) for n in range(50)], page="2")
        await world.finished("newer")
    assert await world.sent() == len(sent) + 50


async def test_a_flush_right_before_a_stop_does_not_keep_the_sender(world: MortalWorld) -> None:
    await world.add("r", people(500))
    async with world.sender() as stop:
        await world.until_sent(50)
        await aio(world.redis.flushall)
        stop.request()
    sent = [m["recipient_id"] for m in await world.accepted()]
    assert len(sent) == len(set(sent))
    assert await aio(world.redis.keys, key("held:*")) == []


async def test_a_sender_waits_for_a_redis_that_is_not_there_yet(world: MortalWorld) -> None:
    await world.add("r", people(20))
    world.server.kill()
    with pytest.raises(RedisError):
        await aio(world.redis.ping)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_come_back, world.server)
        async with world.sender():
            facts = (await world.finished("r"))["r"]
    assert facts.outcomes == {"sent": 20}


async def _come_back(server: Restartable) -> None:
    await trio.sleep(1.0)
    await server.start()
