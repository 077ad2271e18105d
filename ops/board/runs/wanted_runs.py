"""Which runs a list is asked for, and where it goes on. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import msgspec

from ops.board import list_places
from ops.board.runs.run_answers import RunAnswer, RunStatus
from ops.board.suppressions import BadFilter

FILTERS = ("status", "page", "search", "after")
LONGEST = 500
"""Characters of a filter."""
_UNFINISHED = ("enqueuing", "active", "paused", "queue_lost", "cancelled", "expired")
_STATES: dict[RunStatus, tuple[str, ...]] = {
    RunStatus.SCHEDULED: ("scheduled",),
    RunStatus.WAITING: (*_UNFINISHED, "waiting", "submitted", "due"),
    RunStatus.REFUSED: ("refused", "not_taken"),
    RunStatus.FINISHED: (*_UNFINISHED, "finished"),
}
"""Status -> how the registry may have such runs: what the queue does is known better there. Others: as _UNFINISHED."""
_LAST = "\U0010ffff"


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Behind which run a list goes on."""

    at: datetime
    run_id: str


class WantedRuns(msgspec.Struct, frozen=True, kw_only=True):
    """What a list is asked for."""

    status: RunStatus | None = None
    page: str | None = None
    search: str | None = None
    """How the id begins."""
    after: Place | None = None
    pages: Collection[str] | None = None
    """The only pages that may be seen; None: all."""

    def params(self, limit: int, run_ids: Collection[str] | None = None) -> dict[str, Any]:
        """Return the parameters of `sql/run_rows.sql`."""
        pages = None if self.pages is None else sorted(self.pages)
        if self.page is not None:
            pages = [self.page] if pages is None or self.page in pages else []
        return {
            "run_ids": None if run_ids is None else list(run_ids),
            "from_id": self.search,
            "to_id": None if self.search is None else self.search + _LAST,
            "pages": pages,
            "states": None if self.status is None else list(_STATES.get(self.status, _UNFINISHED)),
            "after_at": self.after.at if self.after else None,
            "after_id": self.after.run_id if self.after else None,
            "limit": limit,
        }

    @property
    def reaches_the_future(self) -> bool:
        """Whether the list begins with all runs that are due later: how many more of them there are belongs to it."""
        return self == WantedRuns(status=self.status)

    def fits(self, run: RunAnswer) -> bool:
        """Say whether a run is one of those, wherever the list is."""
        return (
            (self.status is None or run.status is self.status)
            and (self.page is None or run.page_id == self.page)
            and (self.search is None or run.run_id.startswith(self.search))
            and (self.pages is None or run.page_id in self.pages)
        )


def wanted_runs(
    *,
    status: str | None = None,
    page: str | None = None,
    search: str | None = None,
    after: str | None = None,
    pages: Collection[str] | None = None,
) -> WantedRuns:
    """Read what a list is asked for.

    Raises:
        BadFilter: naming what cannot be used.
    """
    for name, text in (("page", page), ("search", search), ("after", after)):
        if text is not None and ("\0" in text or len(text) > LONGEST):
            raise BadFilter(f"{name}: at most {LONGEST} characters, none of them a NUL")
    words = [word.value for word in RunStatus]
    if status and status not in words:
        raise BadFilter(f"status {status[:40]!r} is none: write one of {', '.join(words)}")
    return WantedRuns(
        status=RunStatus(status) if status else None,
        page=page or None,
        search=search or None,
        after=_place(after) if after else None,
        pages=pages,
    )


def next_place(listed_at: datetime, run_id: str) -> str:
    """Return what is given as `after` to go on behind this run."""
    return list_places.written(Place(listed_at.astimezone(UTC), run_id))


def _place(text: str) -> Place:
    try:
        place = list_places.read(text, Place)
    except ValueError:
        place = None
    if place is None or place.at.tzinfo is None:
        raise BadFilter("after: give what a list called `next`, as it is")
    return place
