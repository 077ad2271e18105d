"""The face of the pool towards httpx: requests and time-outs in, httpx's responses and errors out."""

from __future__ import annotations

import math
from typing import ClassVar

import anyio
import httpx

from sender.graph.http.errors import AnswerLost, GraphTransportError
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool
from sender.graph.http.response import DECODED_CODINGS, Response

_DEFAULT_PORTS = {"http": 80, "https": 443}


class PoolTransport(httpx.AsyncBaseTransport):
    """Serves `httpx.AsyncClient(transport=...)` from a pool, which the caller closes.

    Request bodies are read into memory; answers are complete when they are returned and at most as large as the pool
    allows. httpx's time-outs hold: `pool` for waiting in line, `connect` for dialling with proxy and TLS, `write` for
    the whole request, `read` for each wait for bytes.

    Raises (from `handle_async_request`):
        httpx.ConnectError, httpx.ProxyError, httpx.PoolTimeout, httpx.ConnectTimeout: nothing has left.
        httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteTimeout, httpx.ReadTimeout: the
            request may have arrived.
        httpx.UnsupportedProtocol, httpx.LocalProtocolError: the request cannot be written as HTTP/1.1.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Errors: see the class."""
        origin = _origin(request)
        body = await request.aread()
        message = _head(request, len(body)) + body
        limits = _TimeLimits(request)
        try:
            with limits.scope:
                return _answer(await self._exchange(origin, message, limits))
        except GraphTransportError as exc:
            raise _translated(exc)(str(exc), request=request) from exc
        raise limits.passed(request)  # nothing else ends the scope without an answer

    async def _exchange(self, origin: Origin, message: bytes, limits: _TimeLimits) -> Response:
        limits.begin("pool")
        connection = await self._pool.reserve(origin)
        if connection is None:
            limits.begin("connect")
            connection = await self._pool.open(origin)
        try:
            limits.begin("write")
            await connection.write(message)
            response = None
            while response is None:
                limits.begin("read")
                response = await connection.read_some()
            return response
        finally:
            connection.release()


class _TimeLimits:
    """httpx's four time-outs, in seconds, as the moving deadline of one scope: a scope for each would cost more."""

    _ERRORS: ClassVar[dict[str, type[httpx.TimeoutException]]] = {
        "pool": httpx.PoolTimeout,
        "connect": httpx.ConnectTimeout,
        "write": httpx.WriteTimeout,
        "read": httpx.ReadTimeout,
    }

    def __init__(self, request: httpx.Request) -> None:
        self._seconds: dict[str, float | None] = request.extensions.get("timeout", {})
        self._phase = "pool"
        self.scope = anyio.CancelScope()

    def begin(self, phase: str) -> None:
        self._phase = phase
        seconds = self._seconds.get(phase)
        self.scope.deadline = math.inf if seconds is None else anyio.current_time() + seconds

    def passed(self, request: httpx.Request) -> httpx.TimeoutException:
        return self._ERRORS[self._phase](f"no end of {self._phase} in time", request=request)


def _origin(request: httpx.Request) -> Origin:
    url = request.url
    if url.scheme not in _DEFAULT_PORTS or request.method == "CONNECT":
        raise httpx.UnsupportedProtocol(f"cannot serve {request.method} {url.scheme}://", request=request)
    return Origin(url.scheme == "https", url.raw_host.decode("ascii"), url.port or _DEFAULT_PORTS[url.scheme])


def _head(request: httpx.Request, body_bytes: int) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    for name, value in request.headers.raw:
        if len(name) == 17 and name.lower() == b"transfer-encoding":  # httpx's, for a body of unknown length
            lines.append(b"Content-Length: %d" % body_bytes)
        else:
            lines.append(b"%b: %b" % (name, value))
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1 or b"\0" in head:
        raise httpx.LocalProtocolError("a line break or NUL within a header", request=request)
    return head + b"\r\n\r\n"


def _answer(response: Response) -> httpx.Response:
    headers = response.headers
    if (response.header(b"content-encoding") or b"").strip().lower() in DECODED_CODINGS:
        described = (b"content-encoding", b"content-length")  # as it was on the wire, not as it is now
        headers = [header for header in headers if header[0].lower() not in described]
    return httpx.Response(response.status, headers=headers, stream=httpx.ByteStream(response.body))


def _translated(error: GraphTransportError) -> type[httpx.TransportError]:
    if isinstance(error, AnswerLost):
        by_phase = {"write": httpx.WriteError, "read": httpx.ReadError}
        return by_phase.get(error.phase, httpx.RemoteProtocolError)
    return httpx.ProxyError if error.phase == "proxy" else httpx.ConnectError
