"""One reading shared by everyone who asks within its lifetime, so that many viewers cost the same as one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


REST = 4.0
LONGEST_REST_S = 5.0


class Shared(Generic[T]):
    """Calls `read` at most once per `fresh_s` seconds, one call at a time. An error is shared in the same way.

    One that takes long, since there is much to read, is called less often: it rests four times as long, at most five
    seconds.
    """

    def __init__(self, read: Callable[[], Awaitable[T]], fresh_s: float) -> None:
        self._read = read
        self._fresh_s = fresh_s
        self._turn = trio.Lock()
        self._until = float("-inf")
        self._value: T | None = None
        self._error: Exception | None = None
        self._forgotten = 0

    def forget(self) -> None:
        """Let whoever asks from now on read anew: what is known may be otherwise since."""
        self._forgotten += 1
        self._until = float("-inf")

    async def get(self) -> T:
        """Return the newest value, reading it when the last one is too old."""
        async with self._turn:
            if trio.current_time() >= self._until:
                await self._refresh()
        if self._error is not None:
            raise self._error.with_traceback(None)
        return self._value  # type: ignore[return-value]  # no error: `read` returned it

    async def _refresh(self) -> None:
        """Read anew. Cancelled, it changes nothing: the next in turn reads."""
        value, error, forgotten = None, None, self._forgotten
        began = trio.current_time()
        try:
            value = await self._read()
        except Exception as exc:
            error = exc  # whatever it is, everyone who waits shall have it
        self._value, self._error = value, error
        rest_s = 0.0 if error else min(REST * (trio.current_time() - began), LONGEST_REST_S)
        if forgotten == self._forgotten:  # else what was read is of before
            self._until = trio.current_time() + max(self._fresh_s, rest_s)
