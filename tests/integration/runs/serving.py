"""`newar runs` in this process: its settings, the service, and waiting for what it does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from schema.runtime.stop import Stop
from sender.runs.app import serve
from sender.runs.settings import RunsSettings
from tests.integration.runs.world import KEY, World
from tests.patience import patience_s


def settings(world: World, **changes: object) -> RunsSettings:
    values: dict[str, object] = {
        "redis_url": world.redis_url,
        "log_database_url": world.url,
        "source_database_url": world.url,
        "token_encryption_key": KEY,
        "poll_interval_ms": 50,
        "enforce_messaging_window": False,
        **changes,
    }
    return RunsSettings(_env_file=None, **values)  # type: ignore[call-arg, arg-type]  # BaseSettings takes both


@asynccontextmanager
async def serving(wanted: RunsSettings) -> AsyncIterator[Stop]:
    """A service that has stopped softly when the block is left."""
    stop = Stop(patience_s())
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, wanted, stop)
        yield stop
        stop.request()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another task does to real servers."""
    with trio.fail_after(patience_s()):
        while not condition():  # noqa: ASYNC110 - servers have no events
            await trio.sleep(0.02)
