"""The one door to asyncio: redis-py, aiokafka and psycopg run in one trio-asyncio loop per process.

A crossing costs 0.1-0.5 ms of CPU: cross per group, never per message.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, ParamSpec, TypeVar

import trio_asyncio

P = ParamSpec("P")
T = TypeVar("T")


def open_asyncio() -> AbstractAsyncContextManager[Any]:
    """Open the process's asyncio loop; `aio` works inside the block."""
    if (waiting := sys.modules.get("psycopg.waiting")) is not None:
        # psycopg copied this function at its import: before trio-asyncio's own it is one that never finds our loop.
        vars(waiting)["get_running_loop"] = asyncio.get_running_loop
    manager: AbstractAsyncContextManager[Any] = trio_asyncio.open_loop()
    return manager


async def aio(function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a coroutine function written for asyncio from Trio. Cancelling the Trio side cancels it."""
    result: T = await trio_asyncio.aio_as_trio(function)(*args, **kwargs)
    return result


async def aio_or_leave(function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `aio`, but nobody waits for the end of what was cancelled.

    psycopg asks a server to cancel what it is at, and waits up to ten seconds for one that has fallen silent.
    """
    return await aio(_to_be_left, partial(function, *args, **kwargs))


_left: set[asyncio.Future[Any]] = set()
"""What is being cancelled; the loop itself would forget it."""


async def _to_be_left(function: Callable[[], Awaitable[T]]) -> T:
    task = asyncio.ensure_future(function())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        _left.add(task)
        task.add_done_callback(_ended)
        task.cancel()
        raise


def _ended(task: asyncio.Future[Any]) -> None:
    _left.discard(task)
    if not task.cancelled():
        task.exception()  # is nobody's any more
