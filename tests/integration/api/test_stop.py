"""The stop: requests in hand, connections that stay open, and a second request to stop."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import trio
import trio.testing

from ops.api.app import serve
from schema.runtime.stop import Stop
from tests.integration.api.serving import silent_redis
from tests.patience import patience_s
from tests.unit.api.contents import api_settings


async def test_a_request_in_hand_is_answered_after_the_stop(asyncio_loop: Any) -> None:
    stop, answers = Stop(drain_s=60), []
    async with silent_redis() as (url, asked, hang_up), trio.open_nursery() as nursery:
        address = await nursery.start(serve, api_settings(redis_url=url, api_port=0), stop)

        async def ask() -> None:
            async with httpx.AsyncClient(trust_env=False, timeout=patience_s()) as client:
                answers.append((await client.get(f"{address}/stats/queue")).status_code)

        nursery.start_soon(ask)
        await asked.wait()
        await trio.testing.wait_all_tasks_blocked(0.01)
        stop.request()
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert answers == []
        hang_up.set()
    assert answers == [503]


async def test_an_open_connection_does_not_hold_up_the_stop(redis_url: str, asyncio_loop: Any) -> None:
    stop, connections = Stop(drain_s=3600), []
    with trio.fail_after(patience_s()):  # far below the drain time, far above what it takes
        async with trio.open_nursery() as nursery:
            address = await nursery.start(serve, api_settings(redis_url=redis_url, api_port=0), stop)
            for request in (b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", b""):
                connections.append(await trio.open_tcp_stream("127.0.0.1", int(address.rsplit(":", 1)[1])))
                await connections[-1].send_all(request)
            assert (await connections[0].receive_some()).startswith(b"HTTP/1.1 200")
            stop.request()
    for connection in connections:
        await connection.aclose()


async def test_a_second_request_to_stop_does_not_wait(asyncio_loop: Any) -> None:
    stop = Stop(drain_s=60)
    async with silent_redis() as (url, asked, _hang_up), trio.open_nursery() as nursery:
        address = await nursery.start(serve, api_settings(redis_url=url, api_port=0), stop)

        async def ask() -> None:
            async with httpx.AsyncClient(trust_env=False, timeout=patience_s()) as client:
                with pytest.raises(httpx.RemoteProtocolError):
                    await client.get(f"{address}/stats/queue")

        nursery.start_soon(ask)
        await asked.wait()
        await trio.testing.wait_all_tasks_blocked(0.01)
        stop.request()
        stop.request()
