"""Shares connections: a stack of idle ones per origin, a limit on sockets, a line of waiters. No retries here."""

from __future__ import annotations

import ssl
from collections import OrderedDict, deque

import anyio
import anyio.lowlevel
import httpx
from anyio.abc import TaskStatus

from schema.snapshot import PoolFigures, socket_reuse_ratio
from sender.graph.http.connection import Connection
from sender.graph.http.counters import Tally
from sender.graph.http.dial import dial, tls_context
from sender.graph.http.errors import NotSent, TransportError
from sender.graph.http.httpx_contract import TimeLimits, origin_of, translated
from sender.graph.http.origin import Origin
from sender.graph.http.proxy import ProxySettings
from sender.graph.http.request_bytes import as_bytes, has_no_answer_body
from sender.graph.http.response import Response, ResponseParser


class Pool(httpx.AsyncBaseTransport):
    """At most `max_sockets` connections, to any number of origins: a transport for `httpx.AsyncClient`, and more.

    An idle connection is found in O(1), the one used last first. When all sockets are lent out, callers wait in the
    order in which they came. Answers are complete when they are returned. A client that ends closes its transport.

    Whoever must know before a request whether there is a connection for it, and afterwards whether a byte of it has
    left, acquires the connection first and sends over it:

        connection = pool.acquire_idle(origin) or await pool.acquire(origin)
        try:
            response = await connection.send(request)  # an httpx.Request, an httpx.Response
        finally:
            connection.release()  # connection.sent_anything stays readable, whatever happened

    Args:
        max_sockets: sockets open at once, those being dialled included.
        tls: how servers are verified; by default `tls_context()`.
        proxy: for `https` origins.
        idle_retire_s: a connection idle for longer is not used again: servers close idle connections too, and a
            request written at that moment would be lost.
        max_head_bytes: limit of what an answer holds besides its body.
        max_body_bytes: limit of an answer's body.
    """

    def __init__(
        self,
        *,
        max_sockets: int,
        tls: ssl.SSLContext | None = None,
        proxy: ProxySettings | None = None,
        idle_retire_s: float = 45.0,
        max_head_bytes: int = 64 * 1024,
        max_body_bytes: int = 1024 * 1024,
    ) -> None:
        self._max_sockets = max_sockets
        self._tls = tls or tls_context()
        self._proxy = proxy
        self._idle_retire_s = idle_retire_s
        self._max_head_bytes = max_head_bytes
        self._max_body_bytes = max_body_bytes
        self._idle: dict[Origin, deque[Connection]] = {}  # right end: used last
        self._open = 0
        self._waiters: OrderedDict[_Waiter, None] = OrderedDict()  # only while every socket is lent out or dialled
        self._tally = Tally()
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request as httpx asks it of a transport.

        httpx's time-outs hold: `pool` for waiting in line, `connect` for dialling with proxy and TLS, `write` for the
        whole request, `read` for each wait for bytes.

        Raises:
            httpx.ConnectError, httpx.ProxyError, httpx.PoolTimeout, httpx.ConnectTimeout: nothing has left.
            httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteTimeout, httpx.ReadTimeout: the
                request may have arrived.
            httpx.UnsupportedProtocol, httpx.LocalProtocolError: the request cannot be written as HTTP/1.1.
        """
        origin = origin_of(request)
        await request.aread()
        message = as_bytes(request)  # before a connection is taken for what cannot be written
        limits = TimeLimits(request)
        try:
            with limits.scope:
                return await self._exchange(origin, message, limits, without_body=has_no_answer_body(request))
        except TransportError as exc:
            raise translated(exc, request) from exc
        raise limits.passed(request)  # nothing else ends the scope without an answer

    def acquire_idle(self, origin: Origin) -> Connection | None:
        """Lend an idle connection at once, None when there is none (or the pool is closed): `acquire` finds one."""
        connection = self._take_idle(origin)
        if connection is not None:
            connection.lend(self._take_back)
        return connection

    async def acquire(self, origin: Origin) -> Connection:
        """Lend a connection; the caller calls its `release` exactly once.

        Raises:
            NotSent: the pool is closed, or no connection could be opened.
        """
        return await self._reserve(origin) or await self._open_reserved(origin)

    async def retire_idle(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Close connections that have been idle for too long; runs until cancelled."""
        task_status.started()
        while True:
            await anyio.sleep(self._idle_retire_s / 4)
            expired_at = anyio.current_time() - self._idle_retire_s
            for stack in self._idle.values():
                while stack and stack[0].idle_since <= expired_at:
                    self._drop(stack.popleft())

    async def aclose(self) -> None:
        """Close what is idle and refuse who waits; what is lent out closes when it is released."""
        self._closed = True
        for stack in self._idle.values():
            while stack:
                self._drop(stack.pop())
        while self._waiters:
            self._waiters.popitem(last=False)[0].called.set()
        await anyio.lowlevel.checkpoint()

    def figures(self) -> PoolFigures:
        """Return the pool's figures, now and since its start."""
        idle, tally = sum(map(len, self._idle.values())), self._tally
        return PoolFigures(
            max_sockets=self._max_sockets,
            open=self._open,
            idle=idle,
            in_flight=self._open - idle,
            requests=tally.requests,
            connections_opened=tally.connections_opened,
            socket_reuse_ratio=socket_reuse_ratio(tally.requests, tally.connections_opened),
            errors=dict(tally.errors),
        )

    async def _exchange(self, origin: Origin, message: bytes, limits: TimeLimits, *, without_body: bool) -> Response:
        limits.begin("pool")
        connection = await self._reserve(origin)
        if connection is None:
            limits.begin("connect")
            connection = await self._open_reserved(origin)
        try:
            limits.begin("write")
            await connection.write(message, without_body=without_body)
            response = None
            while response is None:
                limits.begin("read")
                response = await connection.read_some()
            return response
        finally:
            connection.release()

    async def _reserve(self, origin: Origin) -> Connection | None:
        """Lend an idle connection, or set a socket aside for the `_open_reserved` that must follow at once (None).

        Raises:
            NotSent: the pool is closed.
        """
        await anyio.lowlevel.checkpoint_if_cancelled()
        if self._closed:
            raise self._refusal()
        connection = self._take_idle(origin)
        if connection is None:
            if self._open < self._max_sockets:
                self._open += 1
                return None
            if self._close_idle_elsewhere():
                return None
            connection = await self._wait_in_line(origin)
            if connection is None:
                return None
        connection.lend(self._take_back)
        return connection

    async def _open_reserved(self, origin: Origin) -> Connection:
        """Dial into the socket that `_reserve` has set aside. Raises NotSent."""
        try:
            sock = await dial(origin, self._tls, self._proxy)
        except BaseException as exc:
            self._pass_on(None)
            if isinstance(exc, NotSent):
                self._tally.errors[exc.phase] += 1
            raise
        self._tally.connections_opened += 1
        parser = ResponseParser(self._max_head_bytes, self._max_body_bytes)
        connection = Connection(sock, origin, parser, self._tally)
        connection.lend(self._take_back)
        return connection

    def _take_idle(self, origin: Origin) -> Connection | None:
        stack = self._idle.get(origin)
        expired_at = anyio.current_time() - self._idle_retire_s
        while stack:
            connection = stack.pop()
            if connection.idle_since > expired_at and connection.is_quiet():
                return connection
            self._drop(connection)
        return None

    def _close_idle_elsewhere(self) -> bool:
        """Free a socket by closing one that is idle at another origin; the caller then owns its place."""
        for stack in self._idle.values():
            if stack:
                stack.popleft().close()
                return True
        return False

    async def _wait_in_line(self, origin: Origin) -> Connection | None:
        """Wait for a released connection, or a free place for a new one (None)."""
        waiter = _Waiter(origin)
        self._waiters[waiter] = None
        try:
            await waiter.called.wait()
        except BaseException:
            if waiter.served:
                self._pass_on(waiter.connection)
            else:
                self._waiters.pop(waiter, None)
            raise
        if not waiter.served:
            raise self._refusal()
        if waiter.connection is not None and not waiter.connection.is_quiet():
            waiter.connection.close()
            return None
        return waiter.connection

    def _take_back(self, connection: Connection) -> None:
        if connection.usable and not self._closed:
            connection.idle_since = anyio.current_time()
            self._pass_on(connection)
        else:
            connection.close()
            self._pass_on(None)

    def _pass_on(self, connection: Connection | None) -> None:
        """Give a place, with its connection if it still has one, to whoever has waited longest, or keep it."""
        if self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if connection is not None and connection.origin != waiter.origin:
                connection.close()
                connection = None
            waiter.serve(connection)
        elif connection is None:
            self._open -= 1
        else:
            self._idle.setdefault(connection.origin, deque()).append(connection)

    def _drop(self, connection: Connection) -> None:
        connection.close()
        self._open -= 1

    def _refusal(self) -> NotSent:
        self._tally.errors["acquire"] += 1
        return NotSent("acquire", "the pool is closed")


class _Waiter:
    """A place in the line. Once `served`, the place (and the connection, if any) belongs to the waiting task."""

    __slots__ = ("called", "connection", "origin", "served")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.called = anyio.Event()
        self.served = False
        self.connection: Connection | None = None

    def serve(self, connection: Connection | None) -> None:
        self.served = True
        self.connection = connection
        self.called.set()
