"""What can be asked of the audit trail, and where a list of it goes on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ops.board import list_places
from ops.board.suppressions import BadFilter

FILTERS = ("by", "who", "what", "target", "since", "until", "after")
BY: dict[str, bool | None] = {"people": True, "rules": False, "all": None}
MOST = 1000
USUAL = 100
ABOUT = (
    "by: people, which is usual; rules: what rules, the source and senders that were gone did to runs; all. "
    "who: as it stands there, or without its place. what: such as run pause, or its first words. target: a run, a page "
    "or a user. since, until: moments with their zone. format=csv, or Accept: text/csv: all that fits, up to 100,000."
)


class Place(NamedTuple):
    """Where an act stands in the list, which has the greatest first."""

    at: datetime
    stream_id: str
    """`""`: it was done in the log database alone."""
    number: int
    """Of its row; 0: it waits in Redis, by whose stream it keeps its place once it is carried."""


class AuditQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which acts. None: any."""

    by_person: bool | None = True
    """False: what rules did, and the source, and senders that were gone."""
    who: str | None = None
    what: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: Place | None = None
    pages: frozenset[str] | None = None
    """Acts on these and on their runs, and no others."""

    def fits(self, *, who: str, what: str, target: str, place: Place) -> bool:
        """Tell of an act that waits in Redis what `audit.sql` tells of a row."""
        return (
            (self.since is None or place.at >= self.since)
            and (self.until is None or place.at < self.until)
            and (self.who is None or who == self.who or who.startswith(f"{self.who}@"))
            and (self.what is None or what == self.what or what.startswith(f"{self.what} "))
            and self.target in (None, target)
            and (self.after is None or place < self.after)
        )


def audit_question(filters: Mapping[str, str | None]) -> AuditQuestion:
    """Return what is asked.

    Raises:
        BadFilter: naming all that cannot be used.
    """
    problems = [f"{name} holds a NUL character" for name, text in filters.items() if text and "\0" in text]
    moments: dict[str, Any] = {}
    for name in ("since", "until"):
        try:
            moments[name] = _moment(filters.get(name))
        except ValueError:
            problems.append(f"{name} must be a moment with its zone, such as 2026-11-22T09:30:00Z (+ is written %2B)")
    after: Place | None = None
    if (by := filters.get("by") or "people") not in BY:
        problems.append(f"by must be one of {', '.join(BY)}")
    if text := filters.get("after"):
        try:
            after = _place(text)
        except ValueError:
            problems.append("after must be the `next` of a former answer")
    if problems:
        raise BadFilter("; ".join(problems))
    who, what, target = (filters.get(name) or None for name in ("who", "what", "target"))
    return AuditQuestion(by_person=BY[by], who=who, what=what, target=target, after=after, **moments)


def _place(text: str) -> Place:
    place = list_places.read(text, Place)
    if place.at.tzinfo is None or not 0 <= place.number < 2**63:
        raise ValueError
    return place


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment
