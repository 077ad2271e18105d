"""Running asynchronous code from a command: a service until a signal, or something that ends by itself."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from schema.runtime.asyncio_door import open_asyncio
from schema.runtime.logging import configure_logging
from schema.runtime.stop import Stop

T = TypeVar("T")


def run_service(name: str, main: Callable[[Stop], Awaitable[None]], drain_s: float) -> None:
    """Run `main(stop)` until it returns; SIGTERM or Ctrl-C request the stop, a second one cuts its drain short.

    Errors pass through, in groups; `ops.shell.exits` says them in one line each.
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
    """Run `main()` with an open asyncio loop and return what it returns. Errors pass through, in groups.

    Raises:
        KeyboardInterrupt: at Ctrl-C, once `main` was cancelled and has cleaned up.
    """
    return trio.run(_once, main)


async def _once(main: Callable[[], Awaitable[T]]) -> T:
    results: list[T] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(_cancel_at_ctrl_c, nursery.cancel_scope)
        async with open_asyncio():
            results.append(await main())
        nursery.cancel_scope.cancel()
    if not results:
        raise KeyboardInterrupt
    return results[0]


async def _cancel_at_ctrl_c(
    scope: trio.CancelScope, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Trio's own KeyboardInterrupt may strike within an asyncio task, which then never ends."""
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            break
    scope.cancel()
