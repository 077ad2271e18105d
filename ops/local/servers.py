"""The local servers together: started at once, watched, stopped at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from ops.local import postgres, tansu, valkey
from ops.local.errors import LocalServerError, LocalServerFailed
from ops.local.place import Place, open_place
from ops.local.process import LocalServer, keep_running

_SERVERS: dict[str, Callable[[Place, bool], LocalServer]] = {
    "postgres": postgres.describe,
    "redis": valkey.describe,
    "kafka": tansu.describe,
}
SERVER_NAMES = tuple(_SERVERS)


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
async def open_servers(data: Path, wanted: Collection[str], *, durable: bool = True) -> AsyncIterator[LocalAddresses]:
    """Start the wanted servers (names in `SERVER_NAMES`) with their data below `data`; leaving stops them.

    What PostgreSQL and Valkey acknowledged survives a crash of the machine, unless `durable` is False, which is
    quicker and forgets what Valkey held at every stop. The broker always forgets.

    Raises:
        LocalServerFailed: One did not start; the others are stopped.
        LocalServerDied: One ended while the body ran; the body is cancelled and the others are stopped.
        BaseExceptionGroup: The body raised an error of its own at the same time.
    """
    if unknown := set(wanted) - set(_SERVERS):
        raise ValueError(f"no such local server: {', '.join(sorted(unknown))}; there are {', '.join(_SERVERS)}")
    failure = None
    try:
        async with trio.open_nursery() as nursery:
            yield await _start(nursery, data, set(wanted), durable=durable)
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        failure = _most_telling(group)
    if failure:
        raise failure  # out of the handler, so that the group is not printed as its context


def _most_telling(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error that says it all; of several servers that failed the first, with the others as notes."""
    first, *others = group.exceptions
    if not all(isinstance(error, LocalServerError) for error in group.exceptions):
        return group if others else first
    for other in others:
        first.add_note(str(other))
    return first


async def _start(nursery: trio.Nursery, data: Path, wanted: set[str], *, durable: bool) -> LocalAddresses:
    found: dict[str, str] = {}
    all_found = trio.Event()

    def started(name: str, address: str) -> None:
        found[name] = address
        if found.keys() == wanted:
            all_found.set()

    for name in wanted:
        nursery.start_soon(_run, data, name, durable, partial(started, name))
    if wanted:
        await all_found.wait()
    return LocalAddresses(found.get("postgres"), found.get("redis"), found.get("kafka"), "kafka" in found)


async def _run(data: Path, name: str, durable: bool, started: Callable[[str], None]) -> None:
    try:
        async with open_place(data, name) as place:
            await keep_running(place, _SERVERS[name](place, durable), started)
    except OSError as exc:
        raise LocalServerFailed(name, f"it cannot be started in {data / name}: {exc}") from exc
