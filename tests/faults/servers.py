"""Local servers that tests kill and start again, on the same data and port."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from ops.local import postgres, valkey
from ops.local.place import Place, open_place
from ops.local.process import LocalServer
from tests.guarded import Guarded
from tests.ports import free_port

_DESCRIBE: dict[str, Callable[[Place, bool], LocalServer]] = {
    "postgres": postgres.describe,
    "redis": valkey.describe,
}


class Restartable:
    """A durable server whose data and address outlive its process."""

    def __init__(self, place: Place, port: int) -> None:
        self._place = place
        self._port = port
        self._process: Guarded | None = None
        self._server: LocalServer = _DESCRIBE[place.name](place, True)
        self.address = self._server.address(port)

    async def start(self) -> None:
        """Start it; return when it answers."""
        server, place = self._server, self._place
        if server.make_ready is not None:
            await server.make_ready()
        self._process = process = Guarded(
            server.command(self._port), place.folder, place.log, uid=place.uid, gid=place.gid
        )
        while not await server.answers(self._port):
            assert process.running, process.output()
            await trio.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP and SIGCONT."""
        assert self._process is not None
        self._process.signal(number)

    def kill(self) -> None:
        """End it, with all it started, by SIGKILL; return when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process = None


@asynccontextmanager
async def open_server(data: Path, name: str) -> AsyncIterator[Restartable]:
    """Make and start `postgres` or `redis` with its data below `data`; it is gone afterwards."""
    async with open_place(data, name) as place:
        server = Restartable(place, free_port())
        try:
            await server.start()
            yield server
        finally:
            server.kill()
