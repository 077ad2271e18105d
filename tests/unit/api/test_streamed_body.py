"""Long answers: as long as they need, as long as they move."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

from ops.api.door.event_feeds import TooManyStreams
from ops.api.door.streamed_body import MOST_AT_ONCE, PART_WITHIN_S, StreamedBody


async def parts(*pauses_s: float) -> AsyncIterator[bytes]:
    for number, pause_s in enumerate(pauses_s):
        await trio.sleep(pause_s)
        yield b"%d" % number


async def sent(*pauses_s: float) -> bytes:
    body, got = StreamedBody(parts(*pauses_s)), b""
    with body.sending:
        async with body:
            async for part in body:
                got += part
    return got


async def test_an_answer_may_take_long_while_its_parts_come(autojump_clock: trio.testing.MockClock) -> None:
    assert await sent(*[PART_WITHIN_S * 0.9] * 5) == b"01234"


async def test_an_answer_that_stands_still_is_cut_off(autojump_clock: trio.testing.MockClock) -> None:
    assert await sent(0, PART_WITHIN_S * 1.1, 0) == b"0"
    assert StreamedBody.being_sent == 0


async def test_no_more_are_sent_at_once_than_databases_are_asked_for() -> None:
    bodies = [StreamedBody(parts()) for _ in range(MOST_AT_ONCE)]
    for body in bodies:
        await body.__aenter__()
    with pytest.raises(TooManyStreams, match="a little later"):
        StreamedBody(parts())
    for body in bodies:
        await body.__aexit__(None, None, None)
    StreamedBody(parts())
