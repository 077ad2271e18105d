"""What a batch's rows add to the figures of runs and pages, and whom they say to be gone. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from schema.latency_edges import EDGES_MS
from schema.outcomes import ErrorClass, Outcome

_SAID_TO_BE_GONE: Final = (Outcome.FAILED, Outcome.SUPPRESSED)


class Counted(msgspec.Struct, frozen=True, gc=False):
    """What the figures need of a row."""

    run_id: str
    page_id: str
    recipient_id: str
    outcome: str
    error_class: str | None
    latency_ms: float | None
    sent_at: datetime


class _RunFigure(msgspec.Struct):
    messages: int
    first_at: datetime
    last_at: datetime


class _PageFigure(msgspec.Struct):
    messages: int
    latencies: list[int]


class Tally:
    """Counts rows, and takes back what a corrected row had counted for."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str, str], _RunFigure] = {}
        self._pages: dict[tuple[str, datetime, str], _PageFigure] = {}
        self._gone: dict[tuple[str, str], tuple[datetime, str]] = {}

    def add(self, rows: Iterable[Counted]) -> None:
        """Count rows that are new in the log."""
        for row in rows:
            self._count(row, 1)
            self._note_gone(row)

    def correct(self, was: Counted, now: Counted) -> None:
        """Count a row that stood there as another."""
        self._count(was, -1)
        self._count(now, 1)
        self._note_gone(now)

    def runs(self) -> dict[str, list[Any]]:
        """Return the columns of run_figures to add, in key order: who writes beside us waits instead of deadlocking."""
        columns: defaultdict[str, list[Any]] = defaultdict(list)
        for (run_id, outcome, error_class), figure in sorted(self._runs.items()):
            columns["run_ids"].append(run_id)
            columns["outcomes"].append(outcome)
            columns["classes"].append(error_class)
            columns["messages"].append(figure.messages)
            columns["first_at"].append(figure.first_at)
            columns["last_at"].append(figure.last_at)
        return columns

    def pages(self) -> dict[str, list[Any]]:
        """Return the columns of page_figures to add, by minute, in key order; latencies as texts of arrays."""
        columns: defaultdict[str, list[Any]] = defaultdict(list)
        for (page_id, minute, outcome), figure in sorted(self._pages.items()):
            columns["page_ids"].append(page_id)
            columns["minutes"].append(minute)
            columns["outcomes"].append(outcome)
            columns["messages"].append(figure.messages)
            columns["latencies"].append("{" + ",".join(map(str, figure.latencies)) + "}")
        return columns

    def gone(self) -> dict[str, list[Any]]:
        """Return the columns of suppressions to note, in key order: a permanent error keeps them out of later runs."""
        columns: defaultdict[str, list[Any]] = defaultdict(list)
        for (page_id, recipient_id), (since, run_id) in sorted(self._gone.items()):
            columns["page_ids"].append(page_id)
            columns["recipient_ids"].append(recipient_id)
            columns["since"].append(since)
            columns["run_ids"].append(run_id)
        return columns

    def _count(self, row: Counted, n: int) -> None:
        key = (row.run_id, row.outcome, row.error_class or "")
        run = self._runs.get(key)
        if run is None:
            self._runs[key] = _RunFigure(n, row.sent_at, row.sent_at)
        else:
            run.messages += n
            run.first_at, run.last_at = min(run.first_at, row.sent_at), max(run.last_at, row.sent_at)
        place = (row.page_id, row.sent_at.replace(second=0, microsecond=0), row.outcome)
        page = self._pages.get(place)
        if page is None:
            page = self._pages[place] = _PageFigure(0, [0] * (len(EDGES_MS) + 1))
        page.messages += n
        if row.latency_ms is not None:
            page.latencies[bisect_right(EDGES_MS, row.latency_ms)] += n

    def _note_gone(self, row: Counted) -> None:
        if row.error_class != ErrorClass.RECIPIENT_PERMANENT or row.outcome not in _SAID_TO_BE_GONE:
            return
        if not row.page_id or not row.recipient_id:
            return
        key = (row.page_id, row.recipient_id)
        if key not in self._gone or self._gone[key][0] < row.sent_at:
            self._gone[key] = (row.sent_at, row.run_id)
