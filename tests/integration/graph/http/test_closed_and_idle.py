"""Connections that the server closed or that were idle for too long: nothing is sent on them."""

from __future__ import annotations

import pytest
import trio

from sender.graph.http.errors import NotSent
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool
from tests.integration.graph.http.scripted_server import (
    OK,
    REQUEST,
    Stream,
    answer_and_close,
    answer_ok,
    exchange,
    lent,
    scripted_server,
    tcp_server,
)


async def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    async with scripted_server(answer_and_close(OK)) as (server, origin):
        pool = Pool(max_sockets=1)
        for _ in range(3):
            assert await exchange(pool, origin) == 200
            await server.hang_ups.receive()
        assert server.connections == 3
        assert pool.figures().errors == {}
        await pool.aclose()


async def test_a_waiter_is_not_given_a_connection_that_the_server_closed() -> None:
    async with scripted_server(answer_and_close(OK)) as (server, origin), trio.open_nursery() as nursery:
        pool = Pool(max_sockets=1)
        async with lent(pool, origin) as connection:
            nursery.start_soon(exchange, pool, origin)
            await connection.send(REQUEST)
            await server.hang_ups.receive()
    assert (server.connections, len(server.requests)) == (2, 2)
    assert pool.figures().errors == {}
    await pool.aclose()


async def test_a_second_answer_that_comes_late_is_not_taken_for_the_next_requests() -> None:
    written = trio.Event()
    again = trio.Event()

    async def answer_twice(stream: Stream) -> None:
        await stream.send_all(OK)
        await again.wait()
        await stream.send_all(OK.replace(b"hi", b"no"))
        written.set()

    async with scripted_server(answer_twice) as (server, origin):
        pool = Pool(max_sockets=1)
        assert await exchange(pool, origin) == 200
        again.set()
        await written.wait()
        server.behaviour = answer_ok
        async with lent(pool, origin) as connection:
            assert (await connection.send(REQUEST)).content == b"hi"
        assert server.connections == 2
        await pool.aclose()


async def test_no_byte_is_written_to_a_connection_already_closed() -> None:
    closed = trio.Event()

    async def close_at_once(stream: trio.SocketStream) -> None:
        await stream.aclose()
        closed.set()

    async with tcp_server(close_at_once) as port:
        pool = Pool(max_sockets=1)
        origin = Origin(False, "127.0.0.1", port)
        async with lent(pool, origin) as connection:
            await closed.wait()
            with pytest.raises(NotSent, match="write: the server closed"):
                await connection.send(REQUEST)
            assert not connection.sent_anything
        assert pool.figures().open == 0
        assert pool.figures().errors == {"write": 1}
        assert pool.figures().requests == 0


async def test_a_connection_idle_for_too_long_is_not_used_again() -> None:
    async with scripted_server() as (server, origin):
        pool = Pool(max_sockets=1, idle_retire_s=0)
        assert [await exchange(pool, origin) for _ in range(3)] == [200] * 3
        assert server.connections == 3
        assert pool.figures().open == 1
        await pool.aclose()


async def test_idle_connections_are_closed_after_a_while() -> None:
    async with scripted_server() as (server, origin), trio.open_nursery() as nursery:
        pool = Pool(max_sockets=3, idle_retire_s=0.01)
        await nursery.start(pool.retire_idle)
        held = [await pool.acquire(origin) for _ in range(3)]
        for connection in held[:2]:
            connection.release()
        for _ in range(2):
            await server.hang_ups.receive()
        assert (pool.figures().open, pool.figures().idle) == (1, 0)
        assert (await held[2].send(REQUEST)).status_code == 200
        held[2].release()
        nursery.cancel_scope.cancel()
    await pool.aclose()
