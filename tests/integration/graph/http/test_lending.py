"""Sharing of connections: reuse, order, limits, and whose turn it is when a dial fails or the pool closes."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from sender.graph.http.errors import NotSent
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool
from tests.integration.graph.http.scripted_server import REQUEST, REQUEST_BYTES, exchange, lent, scripted_server


async def test_one_connection_serves_request_after_request() -> None:
    async with scripted_server() as (server, origin):
        pool = Pool(max_sockets=5)
        assert [await exchange(pool, origin) for _ in range(100)] == [200] * 100
        assert server.connections == 1
        assert server.requests == [REQUEST_BYTES] * 100
        figures = pool.figures()
        assert (figures.open, figures.idle, figures.in_flight, figures.max_sockets) == (1, 1, 0, 5)
        assert (figures.requests, figures.connections_opened, figures.socket_reuse_ratio) == (100, 1, 0.99)
        assert figures.errors == {}
        await pool.aclose()
        assert pool.figures().open == 0
        await server.hang_ups.receive()


async def test_the_connection_used_last_is_lent_first() -> None:
    async with scripted_server() as (_, origin):
        pool = Pool(max_sockets=2)
        first, second = await pool.acquire(origin), await pool.acquire(origin)
        first.release()
        second.release()
        assert await pool.acquire(origin) is second
        assert await pool.acquire(origin) is first
        assert pool.figures().in_flight == 2
        first.release()
        second.release()
        await pool.aclose()


async def test_no_more_sockets_than_allowed_are_opened() -> None:
    async with scripted_server() as (server, origin), trio.open_nursery() as nursery:
        pool = Pool(max_sockets=3)
        for _ in range(50):
            nursery.start_soon(exchange, pool, origin)
    assert (server.connections, len(server.requests)) == (3, 50)
    assert pool.figures().open == pool.figures().idle == 3
    await pool.aclose()


async def test_waiters_are_served_in_order() -> None:
    async with scripted_server() as (_, origin):
        pool = Pool(max_sockets=1)
        served: list[int] = []

        async def use(number: int) -> None:
            async with lent(pool, origin) as connection:
                served.append(number)
                await connection.send(REQUEST)

        held = await pool.acquire(origin)
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(use, number)
                await wait_all_tasks_blocked()
            assert served == []
            held.release()
        assert served == list(range(20))
        await pool.aclose()


async def test_a_cancelled_waiter_leaves_the_line() -> None:
    async with scripted_server() as (_, origin):
        pool = Pool(max_sockets=1)
        held = await pool.acquire(origin)
        served: list[str] = []

        async def use(name: str, scope: trio.CancelScope) -> None:
            with scope:
                async with lent(pool, origin):
                    served.append(name)

        async with trio.open_nursery() as nursery:
            scopes = {name: trio.CancelScope() for name in ("first", "second", "third")}
            for name, scope in scopes.items():
                nursery.start_soon(use, name, scope)
                await wait_all_tasks_blocked()
            scopes["first"].cancel()
            await wait_all_tasks_blocked()
            held.release()
        assert served == ["second", "third"]
        assert pool.figures().in_flight == 0
        await pool.aclose()


def test_a_waiter_cancelled_in_the_moment_it_is_served_passes_the_connection_on() -> None:
    async def main() -> None:  # asyncio can cancel a task between its wake-up and its next step; Trio cannot
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        origin = Origin(False, "127.0.0.1", server.sockets[0].getsockname()[1])
        pool = Pool(max_sockets=1)
        held = await pool.acquire(origin)
        waiting = asyncio.create_task(pool.acquire(origin))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        held.release()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert pool.figures().in_flight == 0
        await pool.aclose()
        server.close()
        await server.wait_closed()

    asyncio.run(main())


async def test_an_idle_connection_elsewhere_makes_room() -> None:
    async with scripted_server() as (one, here), scripted_server() as (_, there):
        pool = Pool(max_sockets=1)
        for origin in (here, there, here):
            assert await exchange(pool, origin) == 200
        assert pool.figures().open == 1
        assert one.connections == 2
        await pool.aclose()


async def test_a_connection_released_to_a_waiter_for_another_origin_makes_room() -> None:
    async with scripted_server() as (_, here), scripted_server() as (_, there), trio.open_nursery() as nursery:
        pool = Pool(max_sockets=1)
        held = await pool.acquire(here)
        nursery.start_soon(exchange, pool, there)
        await wait_all_tasks_blocked()
        held.release()
        await wait_all_tasks_blocked()
        assert await exchange(pool, here) == 200
        assert pool.figures().open == 1
        await pool.aclose()


async def test_a_closed_pool_refuses_and_closes_what_comes_back() -> None:
    async with scripted_server() as (server, origin):
        pool = Pool(max_sockets=1)
        held = await pool.acquire(origin)

        async def wait_in_line() -> None:
            with pytest.raises(NotSent, match="acquire: the pool is closed"):
                await pool.acquire(origin)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_in_line)
            await wait_all_tasks_blocked()
            await pool.aclose()
        with pytest.raises(NotSent, match="acquire: the pool is closed"):
            await pool.acquire(origin)
        assert (await held.send(REQUEST)).status_code == 200
        held.release()
        assert pool.figures().open == 0
        assert pool.figures().errors == {"acquire": 2}
        await server.hang_ups.receive()


async def test_a_connection_is_released_once() -> None:
    async with scripted_server() as (_, origin):
        pool = Pool(max_sockets=1)
        connection = await pool.acquire(origin)
        connection.release()
        with pytest.raises(RuntimeError, match="released already"):
            connection.release()
        assert pool.figures().idle == 1
        await pool.aclose()


async def test_a_large_request_arrives_whole() -> None:
    body = bytes(range(256)) * 40_000
    request = httpx.Request("POST", "http://graph/", content=body)
    async with scripted_server() as (server, origin):
        pool = Pool(max_sockets=1)
        async with lent(pool, origin) as connection:
            assert (await connection.send(request)).status_code == 200
        assert server.requests == [
            b"POST / HTTP/1.1\r\nHost: graph\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        ]
        await pool.aclose()


async def test_a_port_where_nobody_listens_is_not_sent() -> None:
    async with scripted_server() as (_, origin):
        pass
    pool = Pool(max_sockets=1)
    with pytest.raises(NotSent, match="connect: localhost port") as caught:
        await pool.acquire(origin)
    assert caught.value.phase == "connect"
    with pytest.raises(NotSent, match="dns: ") as caught:
        await pool.acquire(Origin(False, "no..host", 80))
    assert caught.value.phase == "dns"
    assert pool.figures().open == 0
    assert pool.figures().errors == {"connect": 1, "dns": 1}


async def test_a_failed_dial_gives_its_place_to_the_next_in_line() -> None:
    async with scripted_server() as (_, gone):
        pass
    async with scripted_server() as (_, origin), trio.open_nursery() as nursery:
        pool = Pool(max_sockets=1)

        async def fail() -> None:
            with pytest.raises(NotSent):
                await pool.acquire(gone)

        held = await pool.acquire(origin)
        nursery.start_soon(fail)
        await wait_all_tasks_blocked()
        nursery.start_soon(exchange, pool, origin)
        await wait_all_tasks_blocked()
        held.release()
    assert pool.figures().idle == 1
    await pool.aclose()
