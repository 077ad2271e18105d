"""A long answer that is sent while it is made, in bounded time and without ever being here all at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType

import trio
from quart.wrappers.response import ResponseBody

SENT_WITHIN_S = 25.0
"""A client that is slower sees that its answer was cut off: the last chunk lacks."""


class StreamedBody(ResponseBody):
    """The body of one answer, part by part."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts = parts
        self.sending = trio.CancelScope(shield=True, deadline=trio.current_time() + SENT_WITHIN_S)
        """What it is sent in."""

    async def __aenter__(self) -> StreamedBody:
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._parts
