"""The one door to asyncio: redis-py, aiokafka and psycopg run in one trio-asyncio loop per process.

A crossing costs 0.1-0.5 ms of CPU: cross per group, never per message.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

import trio
import trio_asyncio

P = ParamSpec("P")
T = TypeVar("T")


@asynccontextmanager
async def open_asyncio() -> AsyncIterator[Any]:
    """Open the process's asyncio loop; `aio` works inside the block."""
    if (waiting := sys.modules.get("psycopg.waiting")) is not None:
        # psycopg copied this function at its import: before trio-asyncio's own it is one that never finds our loop.
        vars(waiting)["get_running_loop"] = asyncio.get_running_loop
    async with trio_asyncio.open_loop() as loop:
        with _collections_outside(loop):
            yield loop


@contextmanager
def _collections_outside(loop: Any) -> Iterator[None]:
    """Let what a garbage collection asks of the loop, such as to close a lost connection, wait until it is over.

    Collections come at any moment, also when the loop has found nothing to do and is not yet waiting for more. It would
    then sleep with work before it, and Trio end the whole program at the next call.
    """
    queue, soon, collecting = loop._queue_handle, trio.lowlevel.current_trio_token().run_sync_soon, False

    def note(phase: str, _: dict[str, int]) -> None:
        nonlocal collecting
        collecting = phase == "start"

    def queue_while_open(handle: asyncio.Handle) -> None:
        if not loop.is_closed():
            queue(handle)

    def queue_outside(handle: asyncio.Handle) -> asyncio.Handle:
        if not collecting:
            queue(handle)
        else:
            soon(queue_while_open, handle)
        return handle

    gc.callbacks.append(note)
    loop._queue_handle = queue_outside  # what every call_soon and call_later goes through
    try:
        yield
    finally:
        gc.callbacks.remove(note)


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
