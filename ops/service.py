"""Running asynchronous code from a command: a service until a signal, or something that ends by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from schema.runtime.asyncio_door import open_asyncio
from schema.runtime.logging import configure_logging
from schema.runtime.stop import Stop

T = TypeVar("T")


def run_service(name: str, main: Callable[[Stop], Awaitable[None]], drain_s: float) -> None:
    """Run `main(stop)` until it returns; SIGTERM or Ctrl-C request the stop, a second one cuts its drain short.

    Errors pass through, in groups; `ops.exits` says them in one line each.
    """
    configure_logging(name)
    trio.run(_serve, main, Stop(drain_s))


async def _serve(main: Callable[[Stop], Awaitable[None]], stop: Stop) -> None:
    async with trio.open_nursery() as listening:  # outlives the service
        await listening.start(stop.listen)
        async with open_asyncio():
            await main(stop)
        listening.cancel_scope.cancel()


def run_once(main: Callable[[], Awaitable[T]]) -> T:
    """Run `main()` with an open asyncio loop and return what it returns. Errors pass through, in groups."""
    return trio.run(_once, main)


async def _once(main: Callable[[], Awaitable[T]]) -> T:
    async with open_asyncio():
        return await main()
