"""Sharing of connections: reuse, order, limits, and cancellation at every moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from sender.graph.connection import Connection
from sender.graph.errors import AnswerLost, NotSent
from sender.graph.origin import Origin
from sender.graph.pool import Pool
from tests.integration.scripted_server import (
    OK,
    REQUEST,
    Stream,
    answer_and_close,
    answer_ok,
    answer_with,
    scripted_server,
    tcp_server,
)


async def exchange(pool: Pool, origin: Origin) -> int:
    """Send one request; return the status."""
    async with pool.lease(origin) as connection:
        return (await connection.send(REQUEST)).status


async def never_answer(_stream: Stream) -> None:
    await trio.sleep_forever()


async def test_one_connection_serves_request_after_request() -> None:
    async with scripted_server() as (server, origin):
        pool = Pool(max_sockets=5)
        assert [await exchange(pool, origin) for _ in range(100)] == [200] * 100
        assert server.connections == 1
        assert server.requests == [REQUEST] * 100
        figures = pool.snapshot()
        assert (figures.open, figures.idle, figures.in_flight, figures.max_sockets) == (1, 1, 0, 5)
        assert (figures.requests, figures.connections_opened, figures.socket_reuse_ratio) == (100, 1, 0.99)
        assert figures.errors == {}
        await pool.aclose()
        assert pool.snapshot().open == 0
        await server.hang_ups.receive()


async def test_the_connection_used_last_is_lent_first() -> None:
    async with scripted_server() as (_, origin):
        pool = Pool(max_sockets=2)
        first, second = await pool.acquire(origin), await pool.acquire(origin)
        first.release()
        second.release()
        assert await pool.acquire(origin) is second
        assert await pool.acquire(origin) is first
        assert pool.snapshot().in_flight == 2
        first.release()
        second.release()
        await pool.aclose()


async def test_no_more_sockets_than_allowed_are_opened() -> None:
    async with scripted_server() as (server, origin), trio.open_nursery() as nursery:
        pool = Pool(max_sockets=3)
        for _ in range(50):
            nursery.start_soon(exchange, pool, origin)
    assert (server.connections, len(server.requests)) == (3, 50)
    assert pool.snapshot().open == pool.snapshot().idle == 3
    await pool.aclose()


async def test_waiters_are_served_in_order() -> None:
    async with scripted_server() as (_, origin):
        pool = Pool(max_sockets=1)
        served: list[int] = []

        async def use(number: int) -> None:
            async with pool.lease(origin) as connection:
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
                async with pool.lease(origin):
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
        assert pool.snapshot().in_flight == 0
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
        assert pool.snapshot().in_flight == 0
        await pool.aclose()
        server.close()
        await server.wait_closed()

    asyncio.run(main())


async def test_an_idle_connection_elsewhere_makes_room() -> None:
    async with scripted_server() as (one, here), scripted_server() as (_, there):
        pool = Pool(max_sockets=1)
        for origin in (here, there, here):
            assert await exchange(pool, origin) == 200
        assert pool.snapshot().open == 1
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
        assert pool.snapshot().open == 1
        await pool.aclose()


async def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    async with scripted_server(answer_and_close(OK)) as (server, origin):
        pool = Pool(max_sockets=1)
        for _ in range(3):
            assert await exchange(pool, origin) == 200
            await server.hang_ups.receive()
        assert server.connections == 3
        assert pool.snapshot().errors == {}
        await pool.aclose()


async def test_a_waiter_is_not_given_a_connection_that_the_server_closed() -> None:
    async with scripted_server(answer_and_close(OK)) as (server, origin), trio.open_nursery() as nursery:
        pool = Pool(max_sockets=1)
        async with pool.lease(origin) as connection:
            nursery.start_soon(exchange, pool, origin)
            await connection.send(REQUEST)
            await server.hang_ups.receive()
    assert (server.connections, len(server.requests)) == (2, 2)
    assert pool.snapshot().errors == {}
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
        async with pool.lease(origin) as connection:
            assert (await connection.send(REQUEST)).body == b"hi"
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
        async with pool.lease(origin) as connection:
            await closed.wait()
            with pytest.raises(NotSent, match="write: the server closed"):
                await connection.send(REQUEST)
            assert not connection.sent_anything
        assert pool.snapshot().open == 0
        assert pool.snapshot().errors == {"write": 1}
        assert pool.snapshot().requests == 0


async def test_a_connection_idle_for_too_long_is_not_used_again() -> None:
    async with scripted_server() as (server, origin):
        pool = Pool(max_sockets=1, idle_retire_s=0)
        assert [await exchange(pool, origin) for _ in range(3)] == [200] * 3
        assert server.connections == 3
        assert pool.snapshot().open == 1
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
        assert (pool.snapshot().open, pool.snapshot().idle) == (1, 0)
        assert (await held[2].send(REQUEST)).status == 200
        held[2].release()
        nursery.cancel_scope.cancel()
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
        assert (await held.send(REQUEST)).status == 200
        held.release()
        assert pool.snapshot().open == 0
        assert pool.snapshot().errors == {"acquire": 2}
        await server.hang_ups.receive()


async def test_a_connection_is_released_once() -> None:
    async with scripted_server() as (_, origin):
        pool = Pool(max_sockets=1)
        connection = await pool.acquire(origin)
        connection.release()
        with pytest.raises(RuntimeError, match="released already"):
            connection.release()
        assert pool.snapshot().idle == 1
        await pool.aclose()


async def test_a_large_request_arrives_whole() -> None:
    body = bytes(range(256)) * 40_000
    request = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with scripted_server() as (server, origin):
        pool = Pool(max_sockets=1)
        async with pool.lease(origin) as connection:
            assert (await connection.send(request)).status == 200
        assert server.requests == [request]
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
    assert pool.snapshot().open == 0
    assert pool.snapshot().errors == {"connect": 1, "dns": 1}


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
    assert pool.snapshot().idle == 1
    await pool.aclose()


async def cancelled_while(
    pool: Pool, origin: Origin, request: bytes, reached: Callable[[], object]
) -> Connection | None:
    """Send a request, cancel it when `reached` returns; give the connection, if it came to that."""
    lent: list[Connection] = []

    async def send() -> None:
        async with pool.lease(origin) as connection:
            lent.append(connection)
            await connection.send(request)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await reached()  # type: ignore[misc]
        nursery.cancel_scope.cancel()
    return lent[0] if lent else None


async def test_cancelled_while_reading_it_says_that_something_was_sent() -> None:
    async with scripted_server(never_answer) as (server, origin):
        pool = Pool(max_sockets=1)
        connection = await cancelled_while(pool, origin, REQUEST, server.arrived.receive)
        assert connection is not None
        assert connection.sent_anything
        assert pool.snapshot().open == 0
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
        assert pool.snapshot().open == 0
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
        connection = await cancelled_while(pool, origin, REQUEST + bytes(32 * 1024 * 1024), begun.wait)
        assert connection is not None
        assert connection.sent_anything
        assert pool.snapshot().open == 0


async def test_a_task_already_cancelled_writes_nothing() -> None:
    async with scripted_server() as (server, origin):
        pool = Pool(max_sockets=1)
        with trio.CancelScope() as scope:
            async with pool.lease(origin) as connection:
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
        async with pool.lease(origin) as connection:
            await connection.send(REQUEST)
            assert connection.sent_anything
        async with pool.lease(origin) as connection:
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
        assert (await good.send(REQUEST)).status == 200
        good.release()
        assert (pool.snapshot().open, pool.snapshot().idle) == (1, 1)
        await pool.aclose()
