"""Group commit: what many tasks ask for at once goes to Redis in one call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio

T = TypeVar("T")
R = TypeVar("R")

_LARGE = 200
"""Items of a group beyond which waiting for more saves nothing, and only makes Redis's other callers wait."""


class _Batch(Generic[T, R]):
    def __init__(self) -> None:
        self.items: list[T] = []
        self.results: list[R] = []
        self.done = trio.Event()


class GroupCommit(Generic[T, R]):
    """Collects items while the previous group is under way; `commit` takes a list and returns a result for each.

    A group waits for `pause_s`, or until it has `enough` items, so that tasks that become ready one after the other
    travel together.
    """

    def __init__(self, commit: Callable[[list[T]], Awaitable[list[R]]], *, pause_s: float, enough: int) -> None:
        self._commit = commit
        self._pause_s = pause_s
        self._enough = min(enough, _LARGE)
        self._current: _Batch[T, R] = _Batch()
        self._next: _Batch[T, R] = _Batch()
        self._wake = trio.Event()
        self._full = trio.Event()

    def add(self, item: T) -> None:
        """Put an item into the next group without waiting for its result."""
        items = self._next.items
        items.append(item)
        if len(items) == 1:
            self._wake.set()
        if len(items) == self._enough:
            self._full.set()

    async def submit(self, item: T) -> R:
        """Put an item into the next group and wait for its result."""
        batch, index = self._next, len(self._next.items)
        self.add(item)
        await batch.done.wait()
        return batch.results[index]

    async def flush(self) -> None:
        """Wait until everything added so far is committed."""
        for batch in (self._current, self._next):
            if batch.items:
                await batch.done.wait()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Commit group after group until cancelled."""
        task_status.started()
        while True:
            await self._wake.wait()
            with trio.move_on_after(self._pause_s):
                await self._full.wait()
            batch = self._current = self._next
            self._next, self._wake, self._full = _Batch(), trio.Event(), trio.Event()
            batch.results = await self._commit(batch.items)
            batch.done.set()
