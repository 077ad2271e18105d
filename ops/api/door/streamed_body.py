"""A long answer that is sent while it is made, without ever being here all at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType

import trio
from quart.wrappers.response import ResponseBody

from ops.api.door.event_feeds import TooManyStreams

PART_WITHIN_S = 25.0
"""To make a part and send the one before it. A client whose answer takes longer sees that it was cut off."""
MOST_AT_ONCE = 8
"""Each keeps connections to databases busy."""


class StreamedBody(ResponseBody):
    """The body of one answer, part by part.

    Raises:
        TooManyStreams: so many are being sent already.
    """

    being_sent = 0

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        if StreamedBody.being_sent >= MOST_AT_ONCE:
            raise TooManyStreams(f"{MOST_AT_ONCE} tables are being sent already: come again a little later")
        self._parts = parts
        self.sending = trio.CancelScope(shield=True, deadline=trio.current_time() + PART_WITHIN_S)
        """What it is sent in."""

    async def __aenter__(self) -> StreamedBody:
        StreamedBody.being_sent += 1
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        StreamedBody.being_sent -= 1

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._parts:
            self.sending.deadline = trio.current_time() + PART_WITHIN_S
            yield part
