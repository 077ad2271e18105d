"""When a run was outside its hours, from what they were and when they were changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ops.board.audit.audit_trail import Act
from ops.board.timeline.timeline_answers import Entry
from schema.event import at_us
from sender.runs.rules.send_window import open_intervals, parse_window, zone

HOURS = "run hours"
_LONGEST = timedelta(days=60)
"""So far back at most."""
_AHEAD = timedelta(days=15)
"""So far the next opening is looked for; the queue knows no more."""


def closed_hours(changes: Iterable[Act], ended_at: datetime | None, now: datetime) -> list[Entry]:
    """Return when it could not be sent by its page's clock.

    Args:
        changes: the acts `run hours`, oldest first: what its hours were from then on.
        ended_at: the run's end.
        now: the time.
    """
    known = list(changes)
    last = ended_at or now + _AHEAD
    ends = [*(act.at for act in known[1:]), last]
    found: list[Entry] = []
    for act, end in zip(known, ends, strict=False):
        begin = max(act.at, (ended_at or now) - _LONGEST)
        found += [
            entry
            for entry in _closed(act.detail, begin, end, end < last or bool(ended_at))
            if entry.at and entry.at <= now
        ]
    for entry in found:
        entry.now = ended_at is None and (entry.until is None or entry.until > now)
    return found


def _closed(hours: str, begin: datetime, end: datetime, end_is_known: bool) -> Iterable[Entry]:
    """Yield the gaps between the open intervals; where `end_is_known`, the last one ends there."""
    window, _, where = hours.rpartition(" in ")
    try:
        spans = open_intervals(parse_window(window), zone(where), _ms(begin), _ms(end)) if window else None
    except ValueError:
        spans = []  # the queue has opened it never
    if spans is None or begin >= end:
        return
    at = begin
    for opens, closes in spans:
        if _at(opens) > at:
            yield Entry(what="window", holds=True, at=at, until=_at(opens), detail=hours)
        at = _at(closes)
    if at < end:
        yield Entry(what="window", holds=True, at=at, until=end if end_is_known else None, detail=hours)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _at(ms: int) -> datetime:
    return at_us(ms * 1000)
