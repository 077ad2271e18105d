"""Taking connections: Hypercorn speaks HTTP with them, one by one; none can end or outlast the service."""

from __future__ import annotations

import math
import socket
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.trio.tcp_server import MAX_RECV, TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState

from ops.api.door.gate import Gate
from ops.shell.exits import leaves

log = structlog.get_logger()

READ_WITHIN_S = 10.0
PAUSE_AFTER_REFUSAL_S = 0.2
"""So long nobody listens to who was refused: what a client sends faster waits on its own side."""


class Connection(TCPServer):
    """One client. Awaited, it is served until it has gone or was too slow."""

    def __init__(self, gate: Gate, config: Config, context: WorkerContext, peer: str, stream: Any) -> None:
        self.streams = 0
        """Event streams that it is being sent: meanwhile it need not say anything."""
        self.counted = False
        """The gate has counted a request whose first bytes came."""
        self._gate, self._peer = gate, peer
        self._idle = True
        super().__init__(ASGIWrapper(gate), config, context, ConnectionState({"connection": self}), stream)

    async def run(self) -> None:
        """Serve the client. What Hypercorn cannot digest (a header of an upgrade that is not ASCII) ends only this."""
        with trio.CancelScope() as self._served:
            try:
                await super().run()
            except* Exception as group:  # texts and tracebacks can hold headers, so tokens
                log.warning("connection_failed", errors=[type(error).__name__ for error in leaves(group)])

    async def _read_data(self) -> None:
        """Hand on what the client says, as Hypercorn's own, which gives up whoever listens to an event stream."""
        while said := await self._said():
            # Refused are whole requests, unread, as most of their cost is in reading them.
            first = self._idle and not self.counted
            refusal = self._gate.refusal(self._peer, said) if first else None
            if refusal is None:
                self.counted |= first
                await self.protocol.handle(RawData(said))
                continue
            answer, last = refusal
            await self.protocol_send(RawData(answer))
            if last:
                break
            await trio.sleep(PAUSE_AFTER_REFUSAL_S)
        if said == b"":
            await self.protocol.handle(RawData(said))
        await self.protocol.handle(Closed())
        await self.idle_task.stop()  # it would keep what is over for as long as an idle client is waited for

    async def _said(self) -> bytes | None:
        """Return what the client says next, nothing at its end; None: it was silent for too long, or is gone."""
        with suppress(trio.ClosedResourceError, trio.BrokenResourceError):
            while True:
                with trio.move_on_after(self.config.read_timeout or math.inf):
                    return bytes(await self.stream.receive_some(MAX_RECV))
                if not self.streams:
                    break
        return None

    async def protocol_send(self, event: Event) -> None:
        """Send, in bounded time: Hypercorn's own waits in a shield, for ever, for a client that does not read."""
        if isinstance(event, Updated):
            self._idle = event.idle
        if not isinstance(event, RawData):
            await super().protocol_send(event)
            return
        async with self.send_lock:
            with trio.move_on_after(READ_WITHIN_S), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self.stream.send_all(event.data)
                return
        self._served.cancel()
        await trio.aclose_forcefully(self.stream)


async def serve_connections(gate: Gate, config: Config, listening: socket.socket, stop: trio.Event) -> None:
    """Take connections until `stop`, then close the socket and finish the requests in hand."""
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
    context = WorkerContext(None)
    async with trio.open_nursery() as connections:
        async with listener, trio.open_nursery() as taking:
            handler = partial(_serve_one, gate, config, context)
            taking.start_soon(partial(trio.serve_listeners, handler, [listener], handler_nursery=connections))
            await stop.wait()
            taking.cancel_scope.cancel()
        await context.terminated.set()


async def _serve_one(gate: Gate, config: Config, context: WorkerContext, stream: trio.SocketStream) -> None:
    """Serve a client, or hang up on one that is too many."""
    try:
        peer = str(stream.socket.getpeername()[0])
    except OSError:  # gone already
        peer = ""
    if not peer or not gate.let_in(peer):
        await trio.aclose_forcefully(stream)
        return
    try:
        await Connection(gate, config, context, peer, stream)
    finally:
        gate.let_out(peer)
