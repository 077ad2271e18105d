"""Clients that send what nobody expects, read nothing or say nothing: they hurt only themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from ops.api import app, web
from ops.api.app import serve
from ops.api.door import client_connection
from schema.runtime.stop import Stop
from tests.patience import patience_s
from tests.unit.api.contents import api_settings

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
LONG = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer correct-horse\r\nConnection: Upgrade\r\nUpgrade: "
)
WEBSOCKET = UPGRADE + b"websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: \xff\r\n\r\n"
HTTP2_SETTINGS = UPGRADE + b"h2c\r\nHTTP2-Settings: A\r\n\r\n"
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
MANY = 900  # answers, more than the buffers between two ends of a connection take
SOON_S = 0.1


@asynccontextmanager
async def _client(address: str) -> AsyncIterator[trio.SocketStream]:
    async with await trio.open_tcp_stream("127.0.0.1", int(address.rsplit(":", 1)[1])) as stream:
        yield stream


async def _read_to_end(stream: trio.SocketStream) -> bytes:
    read = b""
    try:
        async for part in stream:
            read += part
    except trio.BrokenResourceError:
        pass  # an end too
    return read


@pytest.mark.parametrize("request_", [WEBSOCKET, HTTP2_SETTINGS])
async def test_an_upgrade_that_cannot_be_read_ends_its_connection_alone(
    redis_url: str, asyncio_loop: Any, request_: bytes
) -> None:
    stop = Stop(drain_s=60)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(serve, api_settings(redis_url=redis_url, api_port=0), stop)
        with capture_logs() as logged:
            async with _client(address) as hostile:
                await hostile.send_all(request_)
                await _read_to_end(hostile)
        assert [line["event"] for line in logged] == ["connection_failed"]
        assert "correct-horse" not in str(logged)
        async with _client(address) as another:
            await another.send_all(LIVE)
            assert (await another.receive_some()).startswith(b"HTTP/1.1 200")
        stop.request()


async def test_who_reads_nothing_does_not_outlast_the_stop(
    redis_url: str, asyncio_loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "READ_WITHIN_S", SOON_S)  # an answer under way is shielded from the stop for so long
    stop, ended, patience = Stop(drain_s=0), trio.Event(), trio.CancelScope()

    async def leave_in_the_end(deaf: trio.SocketStream) -> None:
        with patience:
            patience.deadline = trio.current_time() + patience_s()
            await ended.wait()
        await trio.aclose_forcefully(deaf)

    async with trio.open_nursery() as clients:
        async with trio.open_nursery() as serving:
            address = await serving.start(serve, api_settings(redis_url=redis_url, api_port=0), stop)
            deaf = await trio.open_tcp_stream("127.0.0.1", int(address.rsplit(":", 1)[1]))
            clients.start_soon(leave_in_the_end, deaf)
            await deaf.send_all(MANY * LONG)
            await trio.testing.wait_all_tasks_blocked(0.01)
            stop.request()
        ended.set()
    assert not patience.cancelled_caught


async def test_who_reads_nothing_is_left_alone(
    redis_url: str, asyncio_loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_connection, "READ_WITHIN_S", SOON_S)
    stop = Stop(drain_s=3600)
    with trio.fail_after(patience_s()):  # its task ends too, and not just with the drain
        async with trio.open_nursery() as nursery:
            address = await nursery.start(serve, api_settings(redis_url=redis_url, api_port=0), stop)
            async with _client(address) as deaf:
                await deaf.send_all(MANY * LONG)
                await trio.testing.wait_all_tasks_blocked(0.01)
                await trio.sleep(2 * SOON_S)
                answers = await _read_to_end(deaf)
            stop.request()
    assert 0 < answers.count(b"HTTP/1.1 200") < MANY


async def test_who_says_nothing_after_the_first_words_of_http2_is_left_alone(
    redis_url: str, asyncio_loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "SILENT_FOR_S", SOON_S)
    stop = Stop(drain_s=60)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(serve, api_settings(redis_url=redis_url, api_port=0), stop)
        async with _client(address) as silent:
            await silent.send_all(HTTP2)
            with trio.fail_after(patience_s()):
                assert await _read_to_end(silent)
        stop.request()


@pytest.mark.parametrize(("size", "status"), [(12_000, 200), (17_000, 431), (60_000, 431), (200_000, 431)])
async def test_headers_are_of_bounded_size(redis_url: str, asyncio_loop: Any, size: int, status: int) -> None:
    stop = Stop(drain_s=60)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(serve, api_settings(redis_url=redis_url, api_port=0), stop)
        async with _client(address) as large:
            head = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Large: " + size * b"a" + b"\r\n\r\n"
            with suppress(trio.BrokenResourceError):
                await large.send_all(head)
            with trio.fail_after(patience_s()):
                assert (await large.receive_some()).startswith(b"HTTP/1.1 %d " % status)
        stop.request()
