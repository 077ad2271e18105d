"""One kept-alive HTTP/1.1 connection: writes a request, reads its answer. Dialling and sharing live elsewhere."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

import anyio
import anyio.lowlevel
import httpx

from sender.graph.http.counters import Tally
from sender.graph.http.errors import AnswerLost, NotSent, Phase
from sender.graph.http.origin import Origin
from sender.graph.http.request_bytes import as_bytes, has_no_answer_body
from sender.graph.http.response import BadAnswer, Response, ResponseParser

_RECEIVE_BYTES = 16 * 1024  # the largest TLS record; an answer of the Send API is about 1 KB


class Connection:
    """A connection lent by a pool to one task; give it back with `release`, once.

    It drives the non-blocking socket itself and leaves the waiting to anyio: only so is it certain whether a byte was
    handed to the kernel, and whether an idle connection is still silent. TLS works by the same lines.

    Attributes:
        sent_anything: whether bytes of a request may have reached the kernel since the connection was lent. Stays
            readable after a failure or a cancellation, which cannot tell.
        usable: whether another request may follow.
        idle_since: when it came back to the pool, in seconds of the event loop's clock.
    """

    __slots__ = (
        "_give_back",
        "_is_tls",
        "_parser",
        "_sock",
        "_tally",
        "idle_since",
        "origin",
        "sent_anything",
        "usable",
    )

    def __init__(self, sock: socket.socket, origin: Origin, parser: ResponseParser, tally: Tally) -> None:
        self.origin = origin
        self.sent_anything = False
        self.usable = True
        self.idle_since = 0.0
        self._sock = sock
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        self._parser = parser
        self._tally = tally
        self._give_back: Callable[[Connection], None] | None = None

    async def send(self, request: httpx.Request) -> Response:
        """Write a whole request, whose body was read, and read its answer.

        A task that is already cancelled writes nothing. After a failure or a cancellation the connection closes when
        it is released.

        Raises:
            NotSent: the server had closed the connection, or the first write failed: not one byte has left.
            AnswerLost: bytes have left and no answer came, or one that is malformed or too large.
            httpx.LocalProtocolError: it cannot be written as HTTP/1.1; not one byte has left.
        """
        await self.write(as_bytes(request), without_body=has_no_answer_body(request))
        while (response := await self.read_some()) is None:
            pass
        return response

    async def write(self, request: bytes, *, without_body: bool) -> None:
        """Write a request's bytes; `without_body`: its answer will have none. Raises as `send` does."""
        await anyio.lowlevel.checkpoint_if_cancelled()
        if not self.usable or not self.is_quiet():
            self.usable = False
            raise self._failed("write", "the server closed the connection, or spoke before it was asked")
        self.usable = False  # until the whole answer is here
        self._tally.requests += 1
        self._parser.expect(without_body=without_body)
        rest: bytes | memoryview = request
        while rest:
            # A TLS write that fails may have handed over part of its record; a plain one tells.
            self.sent_anything |= self._is_tls
            try:
                count = self._sock.send(rest)
            except OSError as exc:
                await self._wait_or_fail(exc, "write")
            else:
                self.sent_anything = True
                rest = b"" if count == len(rest) else memoryview(rest)[count:]

    async def read_some(self) -> Response | None:
        """Wait for bytes from the server; return the answer if they complete it. Raises AnswerLost."""
        await anyio.wait_readable(self._sock)  # nothing decrypted is left from before: a receive takes a whole record
        while True:
            try:
                data = self._sock.recv(_RECEIVE_BYTES)
                break
            except OSError as exc:
                await self._wait_or_fail(exc, "read")
        try:
            response = self._parser.feed(data) if data else self._parser.end()
        except BadAnswer as exc:
            raise self._failed("parse" if data else "read", str(exc)) from exc
        if response is not None:
            self.usable = self._parser.reusable
        return response

    async def _wait_or_fail(self, exc: OSError, phase: Phase) -> None:
        blocked_on_plain = isinstance(exc, BlockingIOError)
        if isinstance(exc, ssl.SSLWantReadError) or (blocked_on_plain and phase == "read"):
            await anyio.wait_readable(self._sock)
        elif isinstance(exc, ssl.SSLWantWriteError) or blocked_on_plain:
            await anyio.wait_writable(self._sock)
        else:
            raise self._failed(phase, exc.strerror or type(exc).__name__) from exc

    def _failed(self, phase: Phase, reason: str) -> NotSent | AnswerLost:
        self._tally.errors[phase] += 1
        return AnswerLost(phase, reason) if self.sent_anything else NotSent(phase, reason)

    def is_quiet(self) -> bool:
        """Tell whether the connection is open with nothing to read: only then may a request be written to it.

        TLS handshake messages (session tickets, key updates) are taken in and do not count.
        """
        try:
            self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False  # the end of the stream, or bytes that nobody asked for

    def lend(self, give_back: Callable[[Connection], None]) -> None:
        """Begin a loan that ends with a call of `give_back`."""
        self._give_back = give_back
        self.sent_anything = False

    def release(self) -> None:
        """Give the connection back: kept for the next request if its last answer was complete, else closed."""
        give_back, self._give_back = self._give_back, None
        if give_back is None:
            raise RuntimeError("this connection has been released already")
        give_back(self)

    @property
    def fresh(self) -> bool:
        """Whether no loan of it has ended well yet."""
        return self.idle_since == 0.0

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()
