"""When all pages are read again."""

from __future__ import annotations

import contextlib

import pytest
import structlog
import trio
import trio.testing
from redis.asyncio import Redis

from ops.board.answers import AppPause
from ops.board.page_limits import defaults_of
from ops.board.pages.logged_pages import LoggedPages
from ops.board.pages.page_reading import FRESH_S, SPARED, Around, PagesReading, SeenPages
from ops.board.reading import QueueUnreachable

AROUND = Around([], defaults_of([]), AppPause(None, None))
TAKES_S = 0.5


async def around() -> Around:
    return AROUND


class Slow(PagesReading):
    """Reads for half a second, and returns when it has begun."""

    def __init__(self) -> None:
        super().__init__(Redis(), around, LoggedPages(None))
        self.readings = 0
        self.error: Exception | None = None

    async def _read(self) -> SeenPages:
        self.readings += 1
        began_us = int(trio.current_time() * 1e6)
        await trio.sleep(TAKES_S)
        if self.error is not None:
            raise self.error
        return SeenPages(began_us, {}, AROUND)


async def test_what_was_being_read_before_an_act_is_not_shown_after_it(autojump_clock: trio.testing.MockClock) -> None:
    reading = Slow()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reading.get)
        await trio.sleep(TAKES_S / 2)
        acted_us = int(trio.current_time() * 1e6)
        reading.forget()
        assert (await reading.get()).at_us > acted_us
    await reading.get()
    assert reading.readings == 2, "the second one is kept as others are"


async def test_an_error_is_not_kept_for_as_long_as_a_reading(autojump_clock: trio.testing.MockClock) -> None:
    reading = Slow()
    reading.error = QueueUnreachable("away")
    for _ in range(2):
        with contextlib.suppress(QueueUnreachable):
            await reading.get()
    assert reading.readings == 1
    reading.error = None
    await trio.sleep(FRESH_S)
    assert TAKES_S * SPARED > FRESH_S
    assert (await reading.get()).pages == {}


async def test_an_error_that_nobody_expects_is_told_once_and_ends_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    reading = Slow()
    reading.error = ValueError("a field holds no number")
    with structlog.testing.capture_logs() as logged:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reading.keep)
            for _ in range(3):
                await trio.sleep(TAKES_S + FRESH_S)
                with pytest.raises(ValueError, match="no number"):
                    await reading.get()
            assert reading.readings > 1
            reading.error = None
            await trio.sleep(TAKES_S + FRESH_S)
            assert (await reading.get()).pages == {}
            nursery.cancel_scope.cancel()
    assert [(line["event"], line["log_level"]) for line in logged] == [("pages_unreadable", "error")]
