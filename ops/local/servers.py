"""The local servers together: started at once, watched, stopped at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import trio

from ops.local import postgres, tansu, valkey
from ops.local.errors import LocalServerError, LocalServerFailed, LocalServersMissing
from ops.local.place import Place, open_place
from ops.local.process import LocalServer, keep_running
from ops.local.restarts import Restarts

_SERVERS: dict[str, Callable[[Place, bool], LocalServer]] = {
    "postgres": postgres.describe,
    "redis": valkey.describe,
    "kafka": tansu.describe,
}
SERVER_NAMES = tuple(_SERVERS)
_WHEELS = {
    "postgres": (postgres.PACKAGE, "LOG_DATABASE_URL"),
    "redis": (valkey.PACKAGE, "REDIS_URL"),
    "kafka": (tansu.PACKAGE, "KAFKA_BOOTSTRAP_SERVERS"),
}
"""Server -> the package that carries its program, and the setting that makes it needless."""


@dataclass(frozen=True)
class LocalAddresses:
    """Where the started servers are; None for one that was not wanted.

    Attributes:
        postgres_url: `postgresql://…/newar`; the role owns the server.
        redis_url: `redis://…/0`.
        kafka_bootstrap: `host:port`.
        kafka_is_volatile: The broker forgets all topics when it stops: keep elsewhere what must not be lost.
    """

    postgres_url: str | None
    redis_url: str | None
    kafka_bootstrap: str | None
    kafka_is_volatile: bool


@asynccontextmanager
async def open_servers(
    data: Path, wanted: Collection[str], *, durable: bool = True, restarts: Restarts | None = None
) -> AsyncIterator[LocalAddresses]:
    """Start the wanted servers (names in `SERVER_NAMES`) with their data below `data`; they end after the body.

    What PostgreSQL and Valkey acknowledged survives a crash of the machine, unless `durable` is False, which is
    quicker and forgets what Valkey held at every stop. The broker always forgets.

    `restarts`: starts again what ended by itself, at the same address; without it the first end is an error.

    Raises:
        LocalServersMissing: Wheels of some are not installed; none was started.
        LocalServerFailed: One did not start, or not again; the others are stopped once the body has ended.
        LocalServerDied: One ended while the body ran; the body is cancelled and the others are stopped.
        BaseExceptionGroup: The body raised an error of its own at the same time.
    """
    if unknown := set(wanted) - set(_SERVERS):
        raise ValueError(f"no such local server: {', '.join(sorted(unknown))}; there are {', '.join(_SERVERS)}")
    _refuse_without_wheels(wanted)
    servers = _Servers(data, set(wanted), durable=durable, restarts=restarts)
    errors: list[BaseException] = []
    try:
        async with trio.open_nursery() as nursery:
            try:
                with servers.body:
                    yield await servers.start(nursery)
            finally:
                servers.keeping.cancel()
    except BaseExceptionGroup as group:
        errors += group.exceptions
    errors += servers.failures
    if errors:
        raise _most_telling(errors)  # out of the handler, so that the group is not printed as its context


def _refuse_without_wheels(wanted: Collection[str]) -> None:
    """Name all wheels that lack, rather than that of the first server."""
    missing = [name for name in _WHEELS if name in wanted and find_spec(_WHEELS[name][0]) is None]
    if missing:
        wheels = [_WHEELS[name][0].replace("_", "-") for name in missing]
        raise LocalServersMissing(missing, wheels, [_WHEELS[name][1] for name in missing])


def _most_telling(errors: Sequence[BaseException]) -> BaseException:
    """The one error that says it all; of several servers that failed the first, with the others as notes."""
    first, *others = errors
    if not all(isinstance(error, LocalServerError) for error in errors):
        return BaseExceptionGroup("beside local servers", errors) if others else first
    for other in others:
        first.add_note(str(other))
    return first


class _Servers:
    """Those of one owner. Whoever works with them ends first, however he ends: servers do not follow a cancellation."""

    def __init__(self, data: Path, wanted: set[str], *, durable: bool, restarts: Restarts | None) -> None:
        self._data = data
        self._wanted = wanted
        self._durable = durable
        self._restarts = restarts
        self._ports: dict[str, int] = {}
        self._addresses: dict[str, str] = {}
        self._all_started = trio.Event()
        self.body = trio.CancelScope()
        self.keeping = trio.CancelScope(shield=True)
        self.failures: list[LocalServerError] = []

    async def start(self, nursery: trio.Nursery) -> LocalAddresses:
        """Start all at once and wait for all."""
        nursery.start_soon(self._keep_all)
        if self._wanted:
            await self._all_started.wait()
        found = self._addresses
        return LocalAddresses(found.get("postgres"), found.get("redis"), found.get("kafka"), "kafka" in found)

    async def _keep_all(self) -> None:
        with self.keeping:
            async with trio.open_nursery() as nursery:
                for name in self._wanted:
                    nursery.start_soon(self._keep, name)

    async def _keep(self, name: str) -> None:
        try:
            if self._restarts is None:
                await self._run(name, lambda: None)
            else:
                await self._restarts.keep(name, str(self._data), partial(self._run, name))
        except LocalServerError as exc:
            self.failures.append(exc)
            self.body.cancel()

    async def _run(self, name: str, is_up: Callable[[], None]) -> None:
        try:
            async with open_place(self._data, name) as place:
                server = _SERVERS[name](place, self._durable)

                def started(port: int) -> None:
                    self._ports[name], self._addresses[name] = port, server.address(port)
                    is_up()
                    if self._addresses.keys() == self._wanted:
                        self._all_started.set()

                await keep_running(place, server, started, port=self._ports.get(name))
        except OSError as exc:
            raise LocalServerFailed(name, f"it cannot be started in {self._data / name}: {exc}") from exc
