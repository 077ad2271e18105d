"""Requests cancelled at every moment, and errors: what is known of them, and the next request works."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
import trio

from sender.graph.http.connection import Connection
from sender.graph.http.errors import AnswerLost
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool
from tests.integration.graph.http.scripted_server import (
    OK,
    REQUEST,
    Stream,
    answer_ok,
    answer_with,
    exchange,
    lent,
    never_answer,
    scripted_server,
    tcp_server,
)


async def cancelled_while(
    pool: Pool, origin: Origin, request: httpx.Request, reached: Callable[[], object]
) -> Connection | None:
    """Send a request, cancel it when `reached` returns; give the connection, if it came to that."""
    connections: list[Connection] = []

    async def send() -> None:
        async with lent(pool, origin) as connection:
            connections.append(connection)
            await connection.send(request)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await reached()  # type: ignore[misc]
        nursery.cancel_scope.cancel()
    return connections[0] if connections else None


async def test_cancelled_while_reading_it_says_that_something_was_sent() -> None:
    async with scripted_server(never_answer) as (server, origin):
        pool = Pool(max_sockets=1)
        connection = await cancelled_while(pool, origin, REQUEST, server.arrived.receive)
        assert connection is not None
        assert connection.sent_anything
        assert pool.figures().open == 0
        server.behaviour = answer_ok
        assert await exchange(pool, origin) == 200
        assert server.connections == 2
        await pool.aclose()


async def test_cancelled_in_the_middle_of_an_answer_the_rest_is_nobodys() -> None:
    half = trio.Event()

    async def answer_half(stream: Stream) -> None:
        await stream.send_all(OK[:-1])
        half.set()
        await trio.sleep_forever()

    async with scripted_server(answer_half) as (server, origin):
        pool = Pool(max_sockets=1)
        await cancelled_while(pool, origin, REQUEST, half.wait)
        assert pool.figures().open == 0
        server.behaviour = answer_ok
        assert await exchange(pool, origin) == 200
        assert server.connections == 2
        await pool.aclose()


async def test_cancelled_while_writing_it_says_that_something_was_sent() -> None:
    begun = trio.Event()

    async def read_a_little(stream: trio.SocketStream) -> None:
        await stream.receive_some(1)
        begun.set()
        await trio.sleep_forever()

    async with tcp_server(read_a_little) as port:
        pool = Pool(max_sockets=1)
        origin = Origin(False, "127.0.0.1", port)
        large = httpx.Request("POST", "http://graph/", content=bytes(32 * 1024 * 1024))
        connection = await cancelled_while(pool, origin, large, begun.wait)
        assert connection is not None
        assert connection.sent_anything
        assert pool.figures().open == 0


async def test_a_task_already_cancelled_writes_nothing() -> None:
    async with scripted_server() as (server, origin):
        pool = Pool(max_sockets=1)
        with trio.CancelScope() as scope:
            async with lent(pool, origin) as connection:
                scope.cancel()
                await connection.send(REQUEST)
        assert scope.cancelled_caught
        assert not connection.sent_anything
        assert await exchange(pool, origin) == 200
        assert (server.connections, len(server.requests)) == (1, 1)
        await pool.aclose()


async def test_sent_anything_begins_anew_with_each_loan() -> None:
    async with scripted_server() as (_, origin):
        pool = Pool(max_sockets=1)
        async with lent(pool, origin) as connection:
            await connection.send(REQUEST)
            assert connection.sent_anything
        async with lent(pool, origin) as connection:
            assert not connection.sent_anything
        await pool.aclose()


async def test_an_error_of_one_connection_leaves_the_others_alone() -> None:
    async with scripted_server() as (server, origin):
        pool = Pool(max_sockets=2)
        good, bad = await pool.acquire(origin), await pool.acquire(origin)
        server.behaviour = answer_with(b"garbage\r\n\r\n")
        with pytest.raises(AnswerLost):
            await bad.send(REQUEST)
        bad.release()
        server.behaviour = answer_ok
        assert (await good.send(REQUEST)).status_code == 200
        good.release()
        assert (pool.figures().open, pool.figures().idle) == (1, 1)
        await pool.aclose()
