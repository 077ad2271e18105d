"""httpx on top of the pool: everything a client asks for, its time-outs and its errors."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from sender.graph.http.dial import tls_context
from sender.graph.http.errors import AnswerLost, NotSent
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool
from tests.integration.graph.http.scripted_server import (
    OK,
    Behaviour,
    ScriptedServer,
    Stream,
    answer_and_close,
    answer_ok,
    answer_with,
    lent,
    never_answer,
    scripted_server,
    tcp_server,
)
from tests.tls.certificates import Authority


@asynccontextmanager
async def client_of(
    behaviour: Behaviour, *, max_sockets: int = 1
) -> AsyncIterator[tuple[httpx.AsyncClient, ScriptedServer, Pool, Origin]]:
    async with scripted_server(behaviour) as (server, origin):
        pool = Pool(max_sockets=max_sockets)
        base_url = f"http://{origin.authority}"
        async with httpx.AsyncClient(transport=pool, base_url=base_url, timeout=None) as client:  # noqa: S113 - each test sets its own
            yield client, server, pool, origin
        await pool.aclose()
        assert pool.figures().open == 0


async def test_a_request_arrives_as_httpx_means_it_and_the_answer_comes_back() -> None:
    body = b'{"message_id":"m_1"}'
    answer = b"HTTP/1.1 400 Bad\r\nX-Usage: 7\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with client_of(answer_with(answer)) as (client, server, _, origin):
        response = await client.post("/v26.0/1/messages?q=a%20b", json={"x": 1}, headers={"Authorization": "Bearer t"})
        assert (response.status_code, response.json()) == (400, {"message_id": "m_1"})
        assert response.headers["x-usage"] == "7"
        assert response.elapsed.total_seconds() > 0
        head, _, sent = server.requests[0].partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0] == b"POST /v26.0/1/messages?q=a%20b HTTP/1.1"
        assert {b"Host: " + origin.authority.encode(), b"Authorization: Bearer t", b"Content-Length: 7"} <= set(lines)
        assert sent == b'{"x":1}'


async def test_a_streamed_body_of_unknown_length_is_sent_with_its_length() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        await trio.lowlevel.checkpoint()
        yield b"two"

    async with client_of(answer_ok) as (client, server, _, _):
        assert (await client.post("/", content=parts())).status_code == 200
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert body == b"one two"
        assert b"\r\nContent-Length: 7" in head
        assert b"ransfer-" not in head


async def test_compressed_answers_are_decoded_once() -> None:
    body = gzip.compress(b"hello")
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with client_of(answer_with(answer)) as (client, _, _, _):
        assert (await client.get("/")).text == "hello"
        async with client.stream("GET", "/") as response:
            assert [part async for part in response.aiter_bytes()] == [b"hello"]


async def test_head_and_empty_answers_are_served() -> None:
    async with client_of(answer_with(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")) as (client, server, _, _):
        response = await client.head("/")
        assert (response.status_code, response.headers["content-length"], response.content) == (200, "99", b"")
        server.behaviour = answer_with(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert (await client.delete("/")).status_code == 204


async def test_redirects_and_reuse_work() -> None:
    async def redirect(stream: Stream) -> None:
        moved = server.requests[-1].startswith(b"GET /old")
        await stream.send_all(b"HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n" if moved else OK)

    async with client_of(redirect) as (client, server, pool, _):
        response = await client.get("/old", follow_redirects=True)
        assert (response.status_code, response.url.path) == (200, "/new")
        assert pool.figures().connections_opened == 1


async def test_thousands_of_requests_share_few_sockets() -> None:
    async with client_of(answer_ok, max_sockets=10) as (client, server, pool, _), trio.open_nursery() as nursery:
        for _ in range(1000):
            nursery.start_soon(client.get, "/")
    assert server.connections == 10
    assert pool.figures().socket_reuse_ratio == 0.99


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", httpx.ReadError),
        (OK[:-1], httpx.ReadError),
        (b"garbage\r\n\r\n", httpx.RemoteProtocolError),
    ],
)
async def test_a_lost_answer_is_a_read_or_protocol_error(answer: bytes, error: type[httpx.HTTPError]) -> None:
    async with client_of(answer_and_close(answer)) as (client, server, _, _):
        with pytest.raises(error) as caught:
            await client.get("/")
        assert isinstance(caught.value.__cause__, AnswerLost)
        assert len(server.requests) == 1


async def test_what_was_not_sent_is_a_connect_error() -> None:
    async with client_of(answer_ok) as (_, _, pool, origin):
        pass
    async with httpx.AsyncClient(transport=Pool(max_sockets=1)) as client:
        with pytest.raises(httpx.ConnectError) as caught:
            await client.get(f"http://{origin.authority}/")
        assert isinstance(caught.value.__cause__, NotSent)
    async with httpx.AsyncClient(transport=pool) as client:
        with pytest.raises(httpx.ConnectError, match="pool is closed"):
            await client.get(f"http://{origin.authority}/")


async def test_a_read_timeout_is_for_each_wait_and_not_for_the_whole_answer(mock_clock: MockClock) -> None:
    async def answer_slowly(stream: Stream) -> None:
        for part in (OK[:10], OK[10:20], OK[20:]):
            await wait_all_tasks_blocked()
            mock_clock.jump(0.9)
            await stream.send_all(part)

    async with client_of(answer_slowly) as (client, _, _, _):
        assert (await client.get("/", timeout=1)).status_code == 200


async def test_silence_ends_in_a_read_timeout() -> None:
    async with client_of(never_answer) as (client, server, pool, _):
        with pytest.raises(httpx.ReadTimeout):
            await client.get("/", timeout=httpx.Timeout(None, read=0.01))
        assert pool.figures().open == 0
        server.behaviour = answer_ok
        assert (await client.get("/")).status_code == 200


async def test_a_server_that_does_not_read_ends_in_a_write_timeout() -> None:
    async def read_nothing(_stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async with tcp_server(read_nothing) as port:
        pool = Pool(max_sockets=1)
        async with httpx.AsyncClient(transport=pool, timeout=httpx.Timeout(None, write=0.01)) as client:
            with pytest.raises(httpx.WriteTimeout):
                await client.post(f"http://localhost:{port}", content=bytes(32 << 20))
        assert pool.figures().open == 0


async def test_a_full_pool_ends_in_a_pool_timeout() -> None:
    async with client_of(answer_ok) as (client, _, pool, origin):
        async with lent(pool, origin):
            with pytest.raises(httpx.PoolTimeout):
                await client.get("/", timeout=httpx.Timeout(None, pool=0.01))
        assert (await client.get("/")).status_code == 200


async def test_a_dial_that_hangs_ends_in_a_connect_timeout(tmp_path: Path) -> None:
    async def say_nothing(_stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async with tcp_server(say_nothing) as port:
        pool = Pool(max_sockets=1, tls=tls_context(Authority(tmp_path).ca_file))
        timeout = httpx.Timeout(None, connect=0.01)
        async with httpx.AsyncClient(transport=pool, timeout=timeout) as client:
            with pytest.raises(httpx.ConnectTimeout):
                await client.get(f"https://localhost:{port}")
        assert pool.figures().open == 0


@pytest.mark.parametrize("value", [b"a\r\nX-Injected: 1", b"a\nb", b"a\rb", b"a\0b"])
async def test_a_header_with_a_line_break_is_never_written(value: bytes) -> None:
    async with client_of(answer_ok) as (client, server, pool, _):
        with pytest.raises(httpx.LocalProtocolError):
            await client.get("/", headers=[(b"X-Bad", value)])
        assert server.requests == []
        assert pool.figures().open == 0


@pytest.mark.parametrize(("method", "url"), [("GET", "ftp://localhost/"), ("CONNECT", "http://localhost/")])
async def test_what_is_not_plain_http_is_unsupported(method: str, url: str) -> None:
    async with httpx.AsyncClient(transport=Pool(max_sockets=1)) as client:
        with pytest.raises(httpx.UnsupportedProtocol):
            await client.request(method, url)
