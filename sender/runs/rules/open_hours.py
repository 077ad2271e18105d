"""What a run's hours are made of, and the intervals that the queue is given for them. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Self

import msgspec

from sender.runs.rules.send_window import Interval, open_intervals, parse_window, zone

AHEAD_MS = 14 * 24 * 3600 * 1000
"""How far ahead the queue is told when a run may send: without a run processor it obeys that for so long."""

_HOUR_MS = 3600 * 1000
_BEHIND_MS = 24 * _HOUR_MS
"""Intervals begin before now: Redis has a clock of its own."""


class OpenHours(msgspec.Struct, frozen=True):
    """A `send_window` that is not empty and the page's time zone, both as they stand in the source."""

    window: str
    time_zone: str

    @property
    def text(self) -> str:
        """Both in one, as the queue keeps it beside what was made of it."""
        return f"{self.window}\0{self.time_zone}"

    @classmethod
    def of(cls, text: str) -> Self:
        """Return what gave this text."""
        window, _, time_zone = text.partition("\0")
        return cls(window, time_zone)

    @property
    def problem(self) -> str | None:
        """What cannot be read and what to write instead; None when all is well."""
        try:
            parse_window(self.window)
            zone(self.time_zone)
        except ValueError as exc:
            return str(exc)
        return None

    def intervals(self, zone_name: str, now_ms: int) -> tuple[Interval, ...]:
        """Return when it may send in this zone ("": the page's) until `known_until_ms`; while unreadable, never."""
        return _intervals(self, zone_name, now_ms // _HOUR_MS)

    def is_open(self, now_ms: int) -> bool:
        """Say whether the run may send now, by the page's clock."""
        return any(opens <= now_ms < closes for opens, closes in self.intervals("", now_ms))


def known_until_ms(now_ms: int) -> int:
    """Return where the intervals asked for now end."""
    return (now_ms // _HOUR_MS + 1) * _HOUR_MS + AHEAD_MS


@lru_cache(1024)  # runs have few windows, in few zones
def _intervals(hours: OpenHours, zone_name: str, hour: int) -> tuple[Interval, ...]:
    if hours.problem:
        return ()
    now_ms = hour * _HOUR_MS
    where = zone(zone_name or hours.time_zone)
    return tuple(open_intervals(parse_window(hours.window), where, now_ms - _BEHIND_MS, known_until_ms(now_ms)))
