"""Servers that misbehave, on plain connections and on TLS: the right error, and the next request works."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from sender.graph.http.dial import tls_context
from sender.graph.http.errors import AnswerLost, NotSent
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool
from sender.graph.http.response import Response
from tests.integration.graph.http.scripted_server import (
    OK,
    REQUEST,
    REQUEST_BYTES,
    Behaviour,
    ScriptedServer,
    Stream,
    answer_and_close,
    answer_and_say_goodbye,
    answer_ok,
    answer_with,
    lent,
    scripted_server,
    tcp_server,
)
from tests.patience import patience_s
from tests.tls.certificates import Authority
from tests.unit.graph.http.answers import Answer, answers, pieces

WITHOUT_LENGTH = b"HTTP/1.1 200 OK\r\n\r\nhi"


@pytest.fixture(scope="module", params=["plain", "tls"])
def server_tls(request: pytest.FixtureRequest, authority: Authority) -> ssl.SSLContext | None:
    return authority.server_context("localhost") if request.param == "tls" else None


@asynccontextmanager
async def bad_server(
    behaviour: Behaviour, authority: Authority, server_tls: ssl.SSLContext | None
) -> AsyncIterator[tuple[ScriptedServer, Origin, Pool]]:
    """Give a server and a pool of one socket; at the end a good answer must still come through."""
    async with scripted_server(behaviour, tls=server_tls) as (server, origin):
        pool = Pool(max_sockets=1, tls=tls_context(authority.ca_file))
        yield server, origin, pool
        assert pool.figures().in_flight == 0
        server.behaviour = answer_ok
        assert (await send(pool, origin)).content == b"hi"
        await pool.aclose()
        assert pool.figures().open == 0


async def send(pool: Pool, origin: Origin) -> Response:
    async with lent(pool, origin) as connection:
        return await connection.send(REQUEST)


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (answer_and_close(b""), "read: "),
        (answer_and_close(OK[:10]), "read: "),
        (answer_and_close(OK[:-1]), "read: "),
        (answer_and_say_goodbye(b""), "read: closed without an answer"),
        (answer_and_say_goodbye(OK[:10]), "read: closed within the head"),
        (answer_and_say_goodbye(OK[:-1]), "read: closed within the body"),
        (answer_with(b"\x00garbage\r\n\r\n"), "parse: not an HTTP answer"),
        (answer_with(b"HTTP/1.1 200 OK\r\n" + b"X-Bomb: x\r\n" * 100_000), "parse: head over 65536 bytes"),
        (answer_with(b"HTTP/1.1 200 OK\r\nX-Bomb: " + b"x" * 1_000_000), "parse: head over 65536 bytes"),
        (
            answer_with(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + bytes(10_000_000)),
            "parse: body over 1048576 bytes",
        ),
    ],
)
async def test_a_bad_answer_is_lost(
    behaviour: Behaviour, error: str, authority: Authority, server_tls: ssl.SSLContext | None
) -> None:
    async with bad_server(behaviour, authority, server_tls) as (server, origin, pool):
        with pytest.raises(AnswerLost, match=f"^{error}") as caught:
            await send(pool, origin)
        assert pool.figures().errors == {caught.value.phase: 1}
        assert server.requests == [REQUEST_BYTES]
        assert pool.figures().open == 0


async def test_a_server_that_never_answers_is_left_at_the_callers_deadline(
    authority: Authority, server_tls: ssl.SSLContext | None
) -> None:
    async def never_answer(_stream: Stream) -> None:
        await trio.sleep_forever()

    async with bad_server(never_answer, authority, server_tls) as (server, origin, pool):
        with trio.move_on_after(patience_s()) as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send, pool, origin)
                await server.arrived.receive()
                scope.deadline = trio.current_time()  # the time-out comes while the server is silent
        assert scope.cancelled_caught
        assert pool.figures().open == 0


async def test_a_server_that_answers_twice_is_not_used_again(
    authority: Authority, server_tls: ssl.SSLContext | None
) -> None:
    async with bad_server(answer_with(OK + OK), authority, server_tls) as (server, origin, pool):
        for _ in range(3):
            assert (await send(pool, origin)).content == b"hi"
            assert pool.figures().open == 0
        assert server.connections == 3


async def test_connection_close_is_obeyed(authority: Authority, server_tls: ssl.SSLContext | None) -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with bad_server(answer_with(closing), authority, server_tls) as (server, origin, pool):
        for _ in range(2):
            assert (await send(pool, origin)).content == b"hi"
        assert server.connections == 2


async def test_an_answer_may_end_with_the_connection(authority: Authority, server_tls: ssl.SSLContext | None) -> None:
    async with bad_server(answer_and_say_goodbye(WITHOUT_LENGTH), authority, server_tls) as (_, origin, pool):
        assert (await send(pool, origin)).content == b"hi"


async def test_on_tls_an_answer_without_length_needs_the_goodbye(authority: Authority) -> None:
    tls = authority.server_context("localhost")
    async with bad_server(answer_and_close(WITHOUT_LENGTH), authority, tls) as (_, origin, pool):
        with pytest.raises(AnswerLost, match=r"^read: "):
            await send(pool, origin)


async def test_tls_connections_are_used_again(authority: Authority) -> None:
    async with bad_server(answer_ok, authority, authority.server_context("localhost")) as (server, origin, pool):
        for _ in range(20):
            await send(pool, origin)
        assert server.connections == 1


@pytest.mark.parametrize(
    ("names", "error"), [(("other.example",), "tls: localhost: Hostname mismatch"), (("127.0.0.1",), "tls: localhost")]
)
async def test_a_certificate_for_another_name_is_refused(
    names: tuple[str, ...], error: str, authority: Authority
) -> None:
    async with scripted_server(tls=authority.server_context(*names)) as (server, origin):
        pool = Pool(max_sockets=1, tls=tls_context(authority.ca_file))
        with pytest.raises(NotSent, match=error):
            await pool.acquire(origin)
        assert (pool.figures().open, pool.figures().errors, server.requests) == (0, {"tls": 1}, [])
        server.tls = authority.server_context("localhost")
        assert (await send(pool, origin)).status_code == 200
        await pool.aclose()


async def test_an_authority_nobody_trusts_is_refused(authority: Authority) -> None:
    async with scripted_server(tls=authority.server_context("localhost")) as (_, origin):
        pool = Pool(max_sockets=1)
        with pytest.raises(NotSent, match="tls: localhost: unable to get local issuer certificate"):
            await pool.acquire(origin)
        assert pool.figures().open == 0


async def test_a_certificate_for_an_address_is_accepted(authority: Authority) -> None:
    async with scripted_server(tls=authority.server_context("127.0.0.1"), host="127.0.0.1") as (_, origin):
        pool = Pool(max_sockets=1, tls=tls_context(authority.ca_file))
        assert (await send(pool, origin)).status_code == 200
        await pool.aclose()


async def test_a_server_that_speaks_no_tls_is_not_sent(authority: Authority) -> None:
    async def talk_plainly(stream: trio.SocketStream) -> None:
        await stream.send_all(b"220 smtp.example\r\n")
        await stream.aclose()

    async with tcp_server(talk_plainly) as port:
        pool = Pool(max_sockets=1, tls=tls_context(authority.ca_file))
        with pytest.raises(NotSent, match="tls: localhost"):
            await pool.acquire(Origin(True, "localhost", port))
        assert pool.figures().open == 0


async def test_cancelled_while_dialling_no_socket_is_left(authority: Authority) -> None:
    accepted, hung_up = trio.Event(), trio.Event()

    async def say_nothing(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        accepted.set()
        while await stream.receive_some():
            pass
        hung_up.set()

    async with tcp_server(say_nothing) as port:
        pool = Pool(max_sockets=1, tls=tls_context(authority.ca_file))
        async with trio.open_nursery() as dialling:
            dialling.start_soon(pool.acquire, Origin(True, "localhost", port))
            await accepted.wait()
            assert (pool.figures().open, pool.figures().in_flight) == (1, 1)
            dialling.cancel_scope.cancel()
        assert pool.figures().open == 0
        await hung_up.wait()


@given(st.data(), answers("length", "chunked", "end"))
@settings(max_examples=40, deadline=None)
async def test_a_stream_cut_anywhere_on_tls_is_a_whole_answer_or_a_lost_one(
    authority: Authority, data: st.DataObject, answer: Answer
) -> None:
    await check_cut(data, answer, authority, authority.server_context("localhost"))


@given(st.data(), answers("length", "chunked"))
@settings(max_examples=60, deadline=None)
async def test_a_stream_cut_anywhere_on_plain_is_a_whole_answer_or_a_lost_one(
    authority: Authority, data: st.DataObject, answer: Answer
) -> None:
    await check_cut(data, answer, authority, None)


async def check_cut(
    data: st.DataObject, answer: Answer, authority: Authority, server_tls: ssl.SSLContext | None
) -> None:
    kept = data.draw(st.integers(0, len(answer.wire)))
    parts = data.draw(pieces(answer.wire[:kept]))

    async def dribble(stream: Stream) -> None:
        for part in parts:
            await stream.send_all(part)
        await answer_and_close(b"")(stream)

    complete = kept == len(answer.wire) and not answer.ends_with_the_connection
    async with bad_server(dribble, authority, server_tls) as (server, origin, pool):
        if complete:
            response = await send(pool, origin)
            await server.hang_ups.receive()  # or its end could cross the next request
            assert (response.status_code, response.content) == (answer.status, answer.body)
        else:
            with pytest.raises(AnswerLost):
                await send(pool, origin)
