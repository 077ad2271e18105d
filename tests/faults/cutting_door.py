"""A door to a server that cuts all its connections when told to: what was received from a client is passed on first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

import trio

_CHUNK = 65_536


class CuttingDoor:
    """`url` is the server's, through the door."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._open: set[trio.CancelScope] = set()
        self.port = 0
        self.cuts = 0

    @property
    def url(self) -> str:
        """The server's address, by way of the door."""
        login = self._parts.netloc.rpartition("@")[0]
        return self._parts._replace(netloc=f"{login}@127.0.0.1:{self.port}").geturl()

    def lead_to(self, url: str) -> None:
        """Lead new connections to another server; those that stand stay where they are."""
        self._parts = urlsplit(url)

    def cut(self) -> None:
        """Cut all connections; answers that are under way are lost."""
        for scope in self._open:
            self.cuts += 1
            scope.cancel()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Let connections through until cancelled."""
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, self._pass, 0, host="127.0.0.1"))
            self.port = listeners[0].socket.getsockname()[1]
            task_status.started()

    async def _pass(self, client: trio.SocketStream) -> None:
        assert self._parts.hostname
        assert self._parts.port
        try:
            server = await trio.open_tcp_stream(self._parts.hostname, self._parts.port)
        except OSError:
            await client.aclose()
            return
        with trio.CancelScope() as scope:
            self._open.add(scope)
            async with client, server, trio.open_nursery() as nursery:
                nursery.start_soon(self._forward, client, server, scope)
                nursery.start_soon(self._forward, server, client, scope)
        self._open.discard(scope)

    async def _forward(self, source: trio.SocketStream, target: trio.SocketStream, both: trio.CancelScope) -> None:
        try:
            while data := await source.receive_some(_CHUNK):
                await target.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        both.cancel()


@asynccontextmanager
async def open_cutting_door(url: str) -> AsyncIterator[CuttingDoor]:
    """Open one; closed at the end."""
    door = CuttingDoor(url)
    async with trio.open_nursery() as nursery:
        await nursery.start(door.serve)
        yield door
        nursery.cancel_scope.cancel()
