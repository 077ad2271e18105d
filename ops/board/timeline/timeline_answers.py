"""What is answered of a run's timeline. The keys are an interface: add, never rename."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from schema.text import Worded

Scope = Literal["run", "page", "app"]
"""`app`: everything."""


class Entry(Worded, kw_only=True):
    """A moment, or a stretch of time for which something held the run."""

    what: str
    """Of a stretch a cause, as in `waiting_because`; of a moment `due`, `taken`, `ended`, or the words of an act."""
    holds: bool = False
    """Whether it is a stretch."""
    scope: Scope = "run"
    at: datetime | None = None
    """Its beginning; null: before anything that is known."""
    until: datetime | None = None
    """Its end; of the hours that are closed now when they open. null: it is a moment, or lasts, or nobody knows."""
    now: bool | None = False
    """Whether it holds the run now; null: the queue cannot be asked."""
    who: str = ""
    """A person, `rule NAME`, `source`, `registry`, `senders`; empty: the run itself."""
    detail: str = ""
    ended_by: str = ""
    """Who or what ended it, as in `who`; empty: it ended by itself, or with the run."""

    @property
    def place(self) -> float:
        """Where it stands in the list, seconds since 1970; what nobody knows the beginning of by its end."""
        known = self.at or self.until
        return known.timestamp() if known else float("inf")


class TimelineAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`/api/v1/timeline/{run_id}`, oldest first."""

    run_id: str
    entries: list[Entry]
    """The newest 200."""
    more: int
    """So many older ones are left out."""
    missing: list[str]
    """What did not answer or was not read, so that some may lack."""
