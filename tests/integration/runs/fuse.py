"""A kill at any step: parts that end everything at the step a test counts to."""

from __future__ import annotations

import inspect
from typing import Any

import trio


class Fuse:
    """Cancels everything at one step, counted from 1."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps = 0
        self.scope = trio.CancelScope()

    async def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            self.scope.cancel()
        await trio.lowlevel.checkpoint()


class Fused:
    """A part whose every call has a step before it and one behind it."""

    def __init__(self, part: object, fuse: Fuse) -> None:
        self._part = part
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._part, name)
        if not inspect.iscoroutinefunction(attribute):
            return attribute

        async def call(*args: object, **named: object) -> Any:
            await self._fuse.step()
            answer = await attribute(*args, **named)
            await self._fuse.step()
            return answer

        return call
