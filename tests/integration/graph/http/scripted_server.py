"""An HTTP server in the test's own loop that behaves as badly as the test asks, and a request to it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import httpx
import trio

from sender.graph.http.connection import Connection
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
REQUEST = httpx.Request("POST", "http://graph/v26.0/1/messages", content=b"{} ")
REQUEST_BYTES = b"POST /v26.0/1/messages HTTP/1.1\r\nHost: graph\r\nContent-Length: 3\r\n\r\n{} "
Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]
Behaviour = Callable[[Stream], Awaitable[None]]


async def answer_ok(stream: Stream) -> None:
    await stream.send_all(OK)


async def never_answer(_stream: Stream) -> None:
    await trio.sleep_forever()


def answer_with(data: bytes) -> Behaviour:
    """Write these bytes; the connection stays open."""

    async def behave(stream: Stream) -> None:
        await stream.send_all(data)

    return behave


def answer_and_close(data: bytes) -> Behaviour:
    """Write these bytes and close, TLS without its goodbye: what a killed server leaves."""

    async def behave(stream: Stream) -> None:
        await stream.send_all(data)
        await (stream.transport_stream if isinstance(stream, trio.SSLStream) else stream).aclose()

    return behave


def answer_and_say_goodbye(data: bytes) -> Behaviour:
    """Write these bytes and close in order."""

    async def behave(stream: Stream) -> None:
        await stream.send_all(data)
        await stream.aclose()

    return behave


class ScriptedServer:
    """Reads requests and answers each by `behaviour`, which a test may change at any time.

    `connections` and `requests` are what came; `hang_ups` gets an item for each connection that the client ended.
    """

    def __init__(self, behaviour: Behaviour, tls: ssl.SSLContext | None) -> None:
        self.behaviour = behaviour
        self.tls = tls
        self.connections = 0
        self.requests: list[bytes] = []
        self._arrivals, self.arrived = trio.open_memory_channel[None](10_000)
        self._ends, self.hang_ups = trio.open_memory_channel[None](10_000)

    async def serve(self, tcp: trio.SocketStream) -> None:
        """Handle one connection; whatever the client does to it is no error here."""
        self.connections += 1
        stream: Stream = trio.SSLStream(tcp, self.tls, server_side=True) if self.tls else tcp
        try:
            while (request := await read_request(stream)) is not None:
                self.requests.append(request)
                self._arrivals.send_nowait(None)
                await self.behaviour(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self._ends.send_nowait(None)
            await trio.aclose_forcefully(tcp)


async def read_request(stream: Stream) -> bytes | None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := await stream.receive_some()):
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((line[15:] for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), b"0")
    while len(body) < int(length):
        if not (more := await stream.receive_some()):
            return None
        body += more
    return head + b"\r\n\r\n" + body


@asynccontextmanager
async def tcp_server(
    handle: Callable[[trio.SocketStream], Awaitable[None]], *, receive_buffer_bytes: int | None = None
) -> AsyncIterator[int]:
    """Serve connections on a free loopback port, which it gives; ends them with the block."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        if receive_buffer_bytes is not None:
            listeners[0].socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def scripted_server(
    behaviour: Behaviour = answer_ok, *, tls: ssl.SSLContext | None = None, host: str = "localhost"
) -> AsyncIterator[tuple[ScriptedServer, Origin]]:
    """Give a server and where it is, under the name `host`."""
    server = ScriptedServer(behaviour, tls)
    async with tcp_server(server.serve) as port:
        yield server, Origin(tls is not None, host, port)


@asynccontextmanager
async def lent(pool: Pool, origin: Origin) -> AsyncIterator[Connection]:
    """Lend a connection for the block."""
    connection = await pool.acquire(origin)
    try:
        yield connection
    finally:
        connection.release()


async def exchange(pool: Pool, origin: Origin) -> int:
    """Send one request; return the status."""
    async with lent(pool, origin) as connection:
        return (await connection.send(REQUEST)).status_code
