"""The primary of Redis is another server from now on, and connections to the former one survive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import trio
from redis.asyncio import Redis
from redis.exceptions import MovedError, ReadOnlyError

from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from tests.faults.cutting_door import open_cutting_door
from tests.integration.runs.by_hand.own_redis import OwnRedis, open_own_redis
from tests.patience import patience_s
from tests.ports import free_port

AT_ONCE = 5


@asynccontextmanager
async def two_servers(folder: Path, *options: str) -> AsyncIterator[tuple[OwnRedis, OwnRedis]]:
    for name in ("one", "other"):
        (folder / name).mkdir()
    async with open_own_redis(folder / "one", *options) as one, open_own_redis(folder / "other", *options) as other:
        yield one, other


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Redis]:
    client = open_redis(url)
    try:
        yield client
    finally:
        with trio.CancelScope(shield=True):
            await aio(client.aclose)


async def at_once(client: Redis, refusals: list[Exception]) -> None:
    """Write on several connections at once."""

    async def write(n: int) -> None:
        try:
            await aio(client.set, f"k{n}", "v")
        except redis.ResponseError as exc:
            refusals.append(exc)

    async with trio.open_nursery() as nursery:
        for n in range(AT_ONCE):
            nursery.start_soon(write, n)


async def test_a_server_that_became_a_replica_is_left_for_whom_the_address_leads_to(
    asyncio_loop: Any, tmp_path: Path
) -> None:
    refusals: list[Exception] = []
    async with two_servers(tmp_path) as (one, other), open_cutting_door(one.url) as door, client_of(door.url) as client:
        await at_once(client, refusals)
        assert not refusals
        with redis.Redis.from_url(one.url) as former:
            former.replicaof("127.0.0.1", str(urlsplit(other.url).port))
        door.lead_to(other.url)
        with pytest.raises(ReadOnlyError):
            await aio(client.set, "k", "v")
        await at_once(client, refusals)
        assert not refusals, "an older connection was used again"
        with redis.Redis.from_url(other.url) as now:
            assert now.get("k0") == b"v"


async def test_the_node_of_a_cluster_that_has_our_keys_is_found(asyncio_loop: Any, tmp_path: Path) -> None:
    names = [tmp_path / name for name in ("one", "other")]
    for folder in names:
        folder.mkdir()
    buses = [free_port() for _ in names]
    options = [("--cluster-enabled", "yes", "--cluster-port", str(bus)) for bus in buses]
    async with open_own_redis(names[0], *options[0]) as one, open_own_redis(names[1], *options[1]) as other:
        with redis.Redis.from_url(other.url) as keeper, redis.Redis.from_url(one.url) as asked:
            keeper.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            keeper.execute_command("CLUSTER MEET", "127.0.0.1", urlsplit(one.url).port, buses[0])
            with trio.fail_after(patience_s()):
                while {each.execute_command("CLUSTER INFO")["cluster_state"] for each in (asked, keeper)} != {"ok"}:  # noqa: ASYNC110
                    await trio.sleep(0.05)
        async with client_of(one.url) as client:
            with pytest.raises(MovedError):
                await aio(client.set, "k", "v")
            refusals: list[Exception] = []
            await at_once(client, refusals)
            assert not refusals
            other.kill()
            answered = False
            with trio.fail_after(patience_s()):
                while not answered:
                    try:
                        await aio(client.set, "k", "v")
                    except redis.ConnectionError:  # what stood, and then nobody there
                        continue
                    except redis.ResponseError:  # the node at the address given, which still knows of the other
                        answered = True
