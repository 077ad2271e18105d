"""The HTTP clients that `newar bench http` compares: each sends the same message again and again, from many tasks."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import anyio
import httpx
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from sender.graph.http.dial import tls_context
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool
from sender.graph.http.request_bytes import DerivedRequest, ReadyRequest

Client = Literal["httpx", "httpx+pool", "pool", "streams"]
CLIENTS: tuple[Client, ...] = ("httpx", "httpx+pool", "pool", "streams")
"""httpx over its own pool; httpx over ours; ours called as the sender does; bare anyio streams."""

Send = Callable[[], Awaitable[None]]
Connect = Callable[[AsyncExitStack], Awaitable[Send]]
"""Gives one task its way to send; what must be closed goes onto the stack."""

_PATH = "/v26.0/1000/messages"
_BODY = b'{"recipient":{"id":"1000000000000000"},"messaging_type":"UPDATE","message":{"text":"%s"}}' % (
    b"hello there, this is a message " * 3
)
_HEADERS = {"Authorization": "Bearer EAABbench", "Content-Type": "application/json"}
_RECEIVE_BYTES = 16 * 1024


class UnexpectedAnswer(Exception):
    """The stand-in did not accept a message."""


@asynccontextmanager
async def open_client(client: Client, url: str, ca_file: Path | None, tasks: int) -> AsyncIterator[Connect]:
    """Yield a function that gives each of so many tasks its way to send."""
    tls = tls_context(ca_file)
    if client == "streams":
        yield lambda stack: _stream(stack, url, tls)
        return
    if client == "httpx":
        limits = httpx.Limits(max_connections=tasks, max_keepalive_connections=tasks)
        async with httpx.AsyncClient(verify=tls, limits=limits, timeout=None, trust_env=False) as plain:  # noqa: S113
            yield lambda _: _through_httpx(plain, url)
        return
    pool = Pool(max_sockets=tasks, tls=tls)
    try:
        if client == "pool":
            yield lambda _: _through_pool(pool, url)
        else:
            async with httpx.AsyncClient(transport=pool, timeout=None) as over_pool:  # noqa: S113
                yield lambda _: _through_httpx(over_pool, url)
    finally:
        with anyio.CancelScope(shield=True):
            await pool.aclose()


async def _through_httpx(client: httpx.AsyncClient, url: str) -> Send:
    async def send() -> None:
        response = await client.post(url + _PATH, content=_BODY, headers=_HEADERS)
        if response.status_code != 200:
            raise UnexpectedAnswer(response.text)

    return send


async def _through_pool(pool: Pool, url: str) -> Send:
    origin, ready = Origin.from_url(url), ReadyRequest(url + _PATH, _HEADERS)

    async def send() -> None:
        request = DerivedRequest(ready, _BODY)
        connection = pool.acquire_idle(origin) or await pool.acquire(origin)
        try:
            response = await connection.send(request)
        finally:
            connection.release()
        if response.status_code != 200:
            raise UnexpectedAnswer(response.text)

    return send


async def _stream(stack: AsyncExitStack, url: str, tls: ssl.SSLContext) -> Send:
    """One connection for each task, and no more understanding of HTTP than finding the end of an answer."""
    origin, request = Origin.from_url(url), _request(url)
    stream: ByteStream = await anyio.connect_tcp(origin.host, origin.port)
    if origin.tls:
        stream = await TLSStream.wrap(stream, hostname=origin.host, ssl_context=tls, standard_compatible=False)
    await stack.enter_async_context(stream)

    async def send() -> None:
        await stream.send(request)
        answer = await stream.receive(_RECEIVE_BYTES)
        while not answer.endswith(b"}"):
            answer += await stream.receive(_RECEIVE_BYTES)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise UnexpectedAnswer(answer.decode())

    return send


def _request(url: str) -> bytes:
    lines = [f"POST {_PATH} HTTP/1.1", f"Host: {urlsplit(url).netloc}"]
    lines += [f"{name}: {value}" for name, value in _HEADERS.items()]
    return ("\r\n".join([*lines, f"Content-Length: {len(_BODY)}"]) + "\r\n\r\n").encode("ascii") + _BODY
