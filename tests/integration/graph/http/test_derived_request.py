"""A derived request is one that any transport of httpx can send: ours and httpx's own say the same to a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h11
import httpx
import trio

from sender.graph.http.pool import Pool
from sender.graph.http.request_bytes import DerivedRequest, ReadyRequest
from tests.integration.graph.http.scripted_server import tcp_server

_FRAMING = (b"content-length", b"transfer-encoding")
Arrived = tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]
"""Method, target, headers in their order and body of a request, as h11 reads them."""


@asynccontextmanager
async def reading_server() -> AsyncIterator[tuple[str, list[Arrived]]]:
    """Answer every request, read by a parser of its own; give the address and what arrived."""
    arrived: list[Arrived] = []

    async def serve(stream: trio.SocketStream) -> None:
        http, body = h11.Connection(h11.SERVER), b""
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await stream.receive_some())
            elif isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                arrived.append((request.method, request.target, list(request.headers), body))
                await stream.send_all(
                    http.send(h11.Response(status_code=200, headers=[("Content-Length", "0")])) or b""
                )
                http.send(h11.EndOfMessage())
                http.start_next_cycle()
            else:
                return

    async with tcp_server(serve) as port:
        yield f"http://127.0.0.1:{port}", arrived


async def test_our_pool_and_httpxs_own_transport_say_the_same() -> None:
    async with reading_server() as (url, arrived):
        ready = ReadyRequest(
            f"{url}/v26.0/1/messages", {"Authorization": "Bearer t", "Content-Type": "application/json"}
        )
        for transport in (Pool(max_sockets=1), httpx.AsyncHTTPTransport()):
            async with transport:
                for body in (b'{"text":"one"}', b'{"text":"another"}'):
                    assert (await transport.handle_async_request(DerivedRequest(ready, body))).status_code == 200
    plain = [(m, t, [(k, v) for k, v in headers if k not in _FRAMING], b) for m, t, headers, b in arrived]
    assert plain[:2] == plain[2:]
    host = url.removeprefix("http://").encode()
    headers = [(b"host", host), (b"authorization", b"Bearer t"), (b"content-type", b"application/json")]
    assert plain[1] == (b"POST", b"/v26.0/1/messages", headers, b'{"text":"another"}')
    assert dict(arrived[0][2])[b"content-length"] == b"14"  # what ours writes in the place of `chunked`
