"""HTTP/1.1 on one connection: bytes to requests, replies to bytes, in order; what they say is decided in graph."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import cast

import httptools

from ops.fakegraph.answer_texts import Ending
from ops.fakegraph.graph import Graph
from ops.fakegraph.requests import Request

MAX_REQUEST_BYTES = 1_000_000  # head and body together
MAX_WAITING = 100  # pipelined requests of one connection; more stay in the socket
LAST_WORD_S = 1.0  # how long a refused client may go on sending before it is cut off
CONTROL_PREFIX = b"/__"

Control = Callable[["Connection", Request], None]


class Connections:
    """All open connections: counted, held back while paused, closed together.

    Attributes:
        open: Those open now.
        opened: How many there were, without those of the control.
        held: The answers held back while the server is paused; None while it is not.
    """

    def __init__(self) -> None:
        self.open: set[Connection] = set()
        self.opened = 0
        self.held: list[Callable[[], None]] | None = None

    def pause(self, paused: bool) -> None:
        """Hold every answer back, or let those held and all later ones go."""
        held, self.held = self.held or [], None
        if paused:
            self.held = held
            return
        for finish in held:
            finish()

    def close_idle(self) -> None:
        """Close the connections that are not in the middle of a request, except those of the control."""
        for connection in list(self.open):
            connection.close_if_idle()

    def abort(self) -> None:
        """End every connection at once."""
        for connection in list(self.open):
            connection.abort()


class Connection(asyncio.Protocol):
    """One client. Pipelined requests wait until the one before them has its answer."""

    def __init__(self, graph: Graph, connections: Connections, control: Control) -> None:
        self._graph = graph
        self._connections = connections
        self._control = control
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._writable = asyncio.Event()
        self._writable.set()
        self._task: asyncio.Task[None] | None = None
        self._busy = False
        self._keep_alive = True
        self._refused = False
        self._used = False
        self._full = False
        self.for_control = False
        self._forget_request()

    def _forget_request(self) -> None:
        self._received = 0
        self._url = self._authorization = self._content_type = self._body = b""

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._connections.open.add(self)
        self._connections.opened += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: D102
        self._connections.open.discard(self)
        self._waiting.clear()
        self._refused = True
        del self._parser  # it holds this object, and this object it
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:  # noqa: D102
        if self._refused:
            return
        self._received += len(data)
        if self._received > MAX_REQUEST_BYTES:
            self._refuse(b"413 Content Too Large")
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(b"400 Bad Request")
            return
        self._serve()
        if len(self._waiting) > MAX_WAITING and not self._full:
            self._full = True
            self._transport.pause_reading()

    def pause_writing(self) -> None:  # noqa: D102
        self._writable.clear()

    def resume_writing(self) -> None:  # noqa: D102
        self._writable.set()
        self._serve()

    # What the parser calls

    def on_url(self, url: bytes) -> None:
        """A part of the request's target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; two matter."""
        if len(name) == 13 and name.lower() == b"authorization":
            self._authorization = value
        elif len(name) == 12 and name.lower() == b"content-type":
            self._content_type = value

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """The request is whole; it is served when the parser has done with what arrived."""
        parser = self._parser
        request = Request(
            parser.get_method(), self._url, self._authorization, self._content_type, self._body, self._used
        )
        self._used = True
        self._waiting.append((request, parser.should_keep_alive()))
        self._forget_request()

    # Serving

    def _serve(self) -> None:
        while self._waiting and not self._busy and self._writable.is_set():
            request, self._keep_alive = self._waiting.popleft()
            self._busy = True
            if request.url.startswith(CONTROL_PREFIX):
                self._serve_control(request)
            else:
                self._serve_message(request)
        if self._full and not self._waiting and not self._transport.is_closing():
            self._full = False
            self._transport.resume_reading()

    def _serve_message(self, request: Request) -> None:
        data, ending, delay_s = self._graph.reply(request)
        if delay_s:
            self._loop.call_later(delay_s, self._finish_unless_held, data, ending)
        else:
            self._finish_unless_held(data, ending)

    def _serve_control(self, request: Request) -> None:
        if not self.for_control:
            self.for_control = True
            self._connections.opened -= not request.reused  # a connection of the test, not of the client
        self._control(self, request)

    def _finish_unless_held(self, data: bytes, ending: Ending) -> None:
        if self._connections.held is None:
            self.finish(data, ending)
        else:
            self._connections.held.append(partial(self.finish, data, ending))

    def finish(self, data: bytes, ending: Ending = Ending.KEEP) -> None:
        """Write the answer (or its last part) and go on with the next request, or end as told."""
        if self._refused or ending is Ending.SILENCE or self._transport.is_closing():
            return
        if ending is Ending.RESET:
            self._reset()
            return
        self._transport.write(data)
        self._busy = False
        if ending is Ending.CLOSE or not self._keep_alive:
            self._waiting.clear()
            self._transport.close()
        elif self._waiting:
            self._loop.call_soon(self._serve)

    def run(self, answer: Coroutine[None, None, None]) -> None:
        """Let a control answer be written in parts; it ends with the connection."""
        self._task = self._loop.create_task(answer)

    async def write_part(self, data: bytes) -> None:
        """Write part of an answer and wait until the client keeps up."""
        self._transport.write(data)
        await self._writable.wait()

    def close_if_idle(self) -> None:
        """Close unless in the middle of a request or used for control."""
        if not self._busy and not self.for_control:
            self._transport.close()

    def abort(self) -> None:
        """End at once, whatever is in the buffers."""
        self._transport.abort()

    def _reset(self) -> None:
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _refuse(self, status: bytes) -> None:
        """Answer what cannot be served and end, after the client has had time to read why."""
        if self._refused:
            return
        self._refused = True
        self._waiting.clear()
        self._transport.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        # Closing while it still sends would reset the connection, and the answer would be lost.
        self._loop.call_later(LAST_WORD_S, self._transport.abort)
