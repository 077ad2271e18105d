"""When a run may send: a span of the day in the page's own time. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

_SPAN = re.compile(r"\s*(\d{1,2}):([0-5]\d)\s*-\s*(\d{1,2}):([0-5]\d)\s*")
_DAY_MIN = 24 * 60


class SendWindow(msgspec.Struct, frozen=True):
    """A span in minutes after midnight; it crosses midnight when it closes before it opens."""

    opens_min: int
    closes_min: int

    def holds(self, at: datetime) -> bool:
        """Say whether the wall clock of `at` lies inside; the closing minute does not."""
        minute = at.hour * 60 + at.minute
        if self.opens_min < self.closes_min:
            return self.opens_min <= minute < self.closes_min
        return minute >= self.opens_min or minute < self.closes_min


def parse_window(text: str) -> SendWindow:
    """Read `09:00-21:00` (24:00 may end it).

    Raises:
        ValueError: saying what to write.
    """
    if found := _SPAN.fullmatch(text):
        hours_from, from_min, hours_to, to_min = map(int, found.groups())
        opens, closes = hours_from * 60 + from_min, hours_to * 60 + to_min
        if opens < _DAY_MIN and closes <= _DAY_MIN and opens != closes:
            return SendWindow(opens, closes)
    raise ValueError(f"send_window {text!r} is not a span of the day: write for example 09:00-21:00")


def zone(name: str | None) -> ZoneInfo:
    """Return the time zone of a page; UTC when it has none.

    Raises:
        ValueError: naming an unknown zone, and what to write.
    """
    try:
        return ZoneInfo(name.strip() if name and name.strip() else "UTC")
    except (LookupError, ValueError, OSError):
        raise ValueError(f"time_zone {name!r} of the page is unknown: write for example Asia/Bangkok") from None


def is_open(window: str | None, time_zone: str | None, at: datetime) -> bool:
    """Say whether a run with this `send_window` may send at the aware moment `at`; no window is always open.

    Raises:
        ValueError: when the window or the zone cannot be read.
    """
    if not window or not window.strip():
        return True
    return parse_window(window).holds(at.astimezone(zone(time_zone)))
