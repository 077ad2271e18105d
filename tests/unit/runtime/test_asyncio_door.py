"""The asyncio loop inside Trio goes on, whenever the garbage collector finds something to say to it."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
import trio

from schema.runtime.asyncio_door import aio, open_asyncio
from tests.patience import patience_s


class Lost:
    """Of a cycle, and asks the loop for something at its end, as a connection does that nobody closed."""

    def __init__(self, loop: Any, told: list[str]) -> None:
        self.itself, self.loop, self.told = self, loop, told

    def __del__(self) -> None:
        self.loop.call_soon(self.told.append, "closed")


class _Nothing(trio.WouldBlock):
    """What a channel says that has nothing, made at the worst moment: it makes the collector run."""

    def __init__(self) -> None:
        gc.collect()


async def _nap() -> None:
    await asyncio.sleep(0)


async def test_what_a_collection_asks_as_the_loop_falls_asleep_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    async with open_asyncio() as loop:
        await aio(_nap)
        Lost(loop, told)
        monkeypatch.setattr(trio, "WouldBlock", _Nothing)
        loop.call_soon(lambda: None)  # wakes it; then it falls asleep again
        with trio.fail_after(patience_s()):
            while not told:
                await trio.sleep(0.01)
            await aio(_nap)
    assert told == ["closed"]


async def test_the_collector_is_no_longer_watched_once_the_loop_is_closed() -> None:
    watchers = list(gc.callbacks)
    async with open_asyncio():
        assert len(gc.callbacks) == len(watchers) + 1
    assert gc.callbacks == watchers
