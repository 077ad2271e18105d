"""One batch on its way into the database while the next one is read: neither waits for the other. Asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class WriteBehind:
    """Does one piece of work at a time, in a task of its own. Errors of it come out of the next call."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin this once what was begun before has ended."""
        await self.done()
        self._task = asyncio.create_task(work())

    @property
    def idle(self) -> bool:
        """Whether there is nothing to wait for."""
        return self._task is None

    def raise_if_failed(self) -> None:
        """Raise what the work has raised, if it has ended so."""
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            task.result()

    async def done(self) -> None:
        """Wait for the end of what was begun."""
        if self._task is not None:
            await asyncio.wait([self._task])
            self.raise_if_failed()

    async def drop(self) -> None:
        """Cut off what was begun; it may have been done nevertheless."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()
