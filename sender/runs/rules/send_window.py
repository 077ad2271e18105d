"""When a run may send: `send_window`, as people write it, and the moments that it means in a time zone. Pure.

What counts is what a clock on the wall of that zone shows: a moment lies inside when weekday and time do. So a span
that begins in an hour which the clock leaves out opens at the first moment behind it, one that lies in it wholly does
not open on that day, and an hour that the clock shows twice is open, or closed, both times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

import msgspec

Interval = tuple[int, int]
"""Opens, closes: ms since 1970 (UTC); the closing moment lies outside."""

_SPAN = re.compile(r"([0-9]{1,2}):([0-5][0-9])\s*[-\N{EN DASH}]\s*([0-9]{1,2}):([0-5][0-9])")
_GROUP = re.compile(r"([^\d:]*?)\s*(\d.*)", re.DOTALL)
_DAY_RANGE = re.compile(r"([A-Za-z]+)(?:\s*[-\N{EN DASH}]\s*([A-Za-z]+))?")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NUMBERS = {name[:length].lower(): number for number, name in enumerate(_DAYS) for length in (3, len(name))}
_DAY_MIN = 24 * 60
_WEEK_MIN = 7 * _DAY_MIN
_MOST_SPANS = 12
_EXAMPLE = "write for example 09:00-21:00 or Mon-Fri 09:00-12:00, 14:00-21:00; Sat 10:00-14:00"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_WEEK_MS = _WEEK_MIN * _MINUTE_MS
_FIRST_MONDAY_MS = 4 * _DAY_MIN * _MINUTE_MS  # 1970 began on a Thursday
_WEST_MS, _EAST_MS = 12 * _HOUR_MS, 14 * _HOUR_MS
"""The clocks of the world show from twelve hours less to fourteen more than UTC's."""


class SendWindow(msgspec.Struct, frozen=True):
    """Hours of the week, as spans of minutes after Monday's midnight: in order, apart from each other."""

    spans: tuple[tuple[int, int], ...]


@lru_cache(1024)
def parse_window(text: str) -> SendWindow:
    """Read `09:00-21:00`, `09:00-12:00, 14:00-21:00` or `Mon-Fri 09:00-21:00; Sat 22:00-02:00` (24:00 may end a span).

    Raises:
        ValueError: naming all that is wrong, and what to write.
    """
    problems: list[str] = []
    pieces: list[tuple[int, int]] = []
    given: set[int] = set()
    groups = text.split(";")
    for group in groups:
        days, spans = _group(group.strip(), alone=len(groups) == 1, problems=problems)
        problems += [
            f"{_DAYS[day]} stands there twice: name all its hours in one place" for day in sorted(days & given)
        ]
        given |= days
        pieces += [piece for day in days for span in spans for piece in _in_week(day, span)]
    if problems:
        raise ValueError(f"send_window {text!r} cannot be used ({', '.join(problems)}): {_EXAMPLE}")
    return SendWindow(tuple(_merged(pieces)))


def zone(name: str | None) -> ZoneInfo:
    """Return the time zone of a page; UTC when it has none.

    Raises:
        ValueError: naming an unknown zone, and what to write.
    """
    if (found := zone_named(name if name and name.strip() else "UTC")) is None:
        raise ValueError(f"time_zone {name!r} of the page is unknown: write for example Asia/Bangkok")
    return found


@lru_cache(4096)
def zone_named(name: str) -> ZoneInfo | None:
    """Return the time zone of this name, which may stand between blanks; None when there is none.

    Names that only this machine knows, such as `localtime`, are none.
    """
    return ZoneInfo(name.strip()) if name.strip() in _zone_names() else None


@cache
def _zone_names() -> set[str]:
    return available_timezones()


def open_intervals(window: SendWindow, zone: tzinfo, from_ms: int, until_ms: int) -> list[Interval]:
    """Return when the window is open between two moments, in order; intervals that touch are one."""
    found: list[Interval] = []
    for begins, ends, offset in _steady(zone, from_ms, until_ms):
        week = begins + offset - (begins + offset - _FIRST_MONDAY_MS) % _WEEK_MS
        while week < ends + offset:
            for opens_min, closes_min in window.spans:
                opens = max(week + opens_min * _MINUTE_MS - offset, begins)
                closes = min(week + closes_min * _MINUTE_MS - offset, ends)
                if opens < closes:
                    found.append((opens, closes))
            week += _WEEK_MS
    return _merged(found)


def opens_anywhere(window: SendWindow, from_ms: int, until_ms: int) -> bool:
    """Say whether the window may be open between two moments in any time zone of the world."""
    return bool(open_intervals(window, UTC, from_ms - _WEST_MS, until_ms + _EAST_MS))


def _group(text: str, *, alone: bool, problems: list[str]) -> tuple[set[int], list[tuple[int, int]]]:
    """Read the days and spans of one group; what is wrong is added to the problems."""
    found = _GROUP.fullmatch(text)
    if found is None:
        problems.append(f"{text!r} names no hours")
        return set(), []
    days, times = found[1], [part.strip() for part in found[2].split(",")]
    if not days and not alone:
        problems.append(f"{text!r} does not say on which days")
    if len(times) > _MOST_SPANS:
        problems.append(f"{text[:40]!r} has more than {_MOST_SPANS} spans")
        return set(), []
    numbers = _days(days, problems) if days else set(range(7))
    return numbers, [span for time in times if (span := _span(time, problems))]


def _days(text: str, problems: list[str]) -> set[int]:
    days: set[int] = set()
    for part in (part.strip() for part in text.split(",")):
        ends = _DAY_RANGE.fullmatch(part)
        first, last = (
            (_NUMBERS.get((name or "").lower()) for name in (ends[1], ends[2] or ends[1])) if ends else (None,) * 2
        )
        if first is None or last is None:
            problems.append(f"{part!r} is neither a day (Mon, Tue, Wed, Thu, Fri, Sat, Sun) nor a span such as Mon-Fri")
        else:
            days |= {(first + more) % 7 for more in range((last - first) % 7 + 1)}
    return days


def _span(text: str, problems: list[str]) -> tuple[int, int] | None:
    if found := _SPAN.fullmatch(text):
        hours_from, from_min, hours_to, to_min = map(int, found.groups())
        opens, closes = hours_from * 60 + from_min, hours_to * 60 + to_min
        if opens == closes:
            problems.append(f"{text!r} ends where it begins; the whole day is 00:00-24:00")
            return None
        if opens < _DAY_MIN and closes <= _DAY_MIN:
            return opens, closes
    problems.append(f"{text!r} is not a span of the day")
    return None


def _in_week(day: int, span: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the span of this day in minutes of the week; one that crosses midnight goes on in the next day."""
    opens, closes = span
    start = day * _DAY_MIN
    if opens < closes:
        yield start + opens, start + closes
        return
    yield start + opens, start + _DAY_MIN
    following = (start + _DAY_MIN) % _WEEK_MIN
    yield following, following + closes


def _steady(zone: tzinfo, from_ms: int, until_ms: int) -> Iterator[tuple[int, int, int]]:
    """Cut the time between two moments where the zone's clock is changed; each part with how far it is ahead of UTC."""
    begins, offset = from_ms, _offset_ms(zone, from_ms)
    at = from_ms
    while at < until_ms:
        before, at = at, min(at + _HOUR_MS, until_ms)  # no zone changes its clock twice in an hour
        if _offset_ms(zone, at) == offset:
            continue
        while at - before > 1:
            middle = (before + at) // 2
            before, at = (middle, at) if _offset_ms(zone, middle) == offset else (before, middle)
        yield begins, at, offset
        begins, offset = at, _offset_ms(zone, at)
    if begins < until_ms:
        yield begins, until_ms, offset


def _offset_ms(zone: tzinfo, at_ms: int) -> int:
    ahead = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone).utcoffset()
    return 0 if ahead is None else ahead // timedelta(milliseconds=1)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans in order, those that touch or overlap as one; empty ones are left out."""
    merged: list[tuple[int, int]] = []
    for opens, closes in sorted(span for span in spans if span[0] < span[1]):
        if merged and opens <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(closes, merged[-1][1])
        else:
            merged.append((opens, closes))
    return merged
