"""What rows add to the figures of runs, pages and the whole log, and whom they say to be gone. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from functools import lru_cache
from typing import Any, Final

import msgspec

from ingest.writing.binary_row import stored_latency
from ingest.writing.rows import Group, Row
from schema.event import at_us
from schema.latency_edges import EDGES_MS
from schema.outcomes import ErrorClass, Outcome

_NO_LATENCIES: Final = bytes(array("i").itemsize * (len(EDGES_MS) + 1))
_SAID_TO_BE_GONE: Final = (Outcome.FAILED, Outcome.SUPPRESSED)
_LONGEST_KEY: Final = 600
"""Characters of page and person: the index of suppressions takes no more than 2.7 kB. Real ids have 20 each."""


class _Sum(msgspec.Struct):
    messages: int
    latencies: array[int]


class _Count(_Sum):
    first_us: int
    last_us: int
    all_pages: _Sum
    """The same over all runs and pages, of that minute, outcome and class."""


class _OfRun(msgspec.Struct):
    messages: int
    first_us: int
    last_us: int


class Tally:
    """Counts rows, and takes back what a corrected row had counted for."""

    def __init__(self) -> None:
        self._groups: dict[Group, _Count] = {}
        self._all_pages: dict[tuple[int, str, str], _Sum] = {}
        self._gone: dict[tuple[str, str], tuple[int, str]] = {}

    def add(self, row: Row) -> None:
        """Count a row that is new in the log, or says more than before."""
        self._count(row.group, row.sent_at_us, row.latency_ms, 1)
        if row.group[3] == ErrorClass.RECIPIENT_PERMANENT:
            self._note_gone(row)

    def take_back(self, was: Group, sent_at_us: int, latency_ms: float | None) -> None:
        """Count a row no more as what it was."""
        self._count(was, sent_at_us, latency_ms, -1)

    def runs(self) -> dict[str, list[Any]]:
        """Return the columns of run_figures to add, in key order: who writes beside us waits instead of deadlocking."""
        columns: defaultdict[str, list[Any]] = defaultdict(list)
        by_run: dict[tuple[str, str, str], _OfRun] = {}
        for (run_id, _page, outcome, error_class, _minute), count in self._groups.items():
            key = (run_id, outcome, error_class or "")
            if (known := by_run.get(key)) is None:
                by_run[key] = _OfRun(count.messages, count.first_us, count.last_us)
            else:
                known.messages += count.messages
                known.first_us = min(known.first_us, count.first_us)
                known.last_us = max(known.last_us, count.last_us)
        for (run_id, outcome, error_class), total in sorted(by_run.items()):
            columns["run_ids"].append(run_id)
            columns["outcomes"].append(outcome)
            columns["classes"].append(error_class)
            columns["messages"].append(total.messages)
            columns["first_at"].append(at_us(total.first_us))
            columns["last_at"].append(at_us(total.last_us))
        return columns

    def pages(self) -> dict[str, list[Any]]:
        """Return the columns of page_figures to add, by minute, in key order; latencies as texts of arrays.

        `kinds` are places, from 1 on, in the columns of `all_pages`: minute, outcome and class of each.
        """
        kinds = {kind: number for number, kind in enumerate(sorted(self._all_pages), 1)}
        rows = sorted(
            (page_id, minute, run_id, outcome, error_class or "", count)
            for (run_id, page_id, outcome, error_class, minute), count in self._groups.items()
        )
        return {
            "page_ids": [row[0] for row in rows],
            "run_ids": [row[2] for row in rows],
            "kinds": [kinds[row[1], row[3], row[4]] for row in rows],
            "messages": [row[5].messages for row in rows],
            "latencies": [_array_text(row[5].latencies.tobytes()) for row in rows],
        }

    def all_pages(self) -> dict[str, list[Any]]:
        """Return the columns of log_figures to add, by minute, in key order; latencies as texts of arrays."""
        columns: defaultdict[str, list[Any]] = defaultdict(list)
        for (minute, outcome, error_class), count in sorted(self._all_pages.items()):
            columns["minutes"].append(at_us(minute * 60_000_000))
            columns["outcomes"].append(outcome)
            columns["classes"].append(error_class)
            columns["all_messages"].append(count.messages)
            columns["all_latencies"].append(_array_text(count.latencies.tobytes()))
        return columns

    def gone(self) -> dict[str, list[Any]]:
        """Return the columns of suppressions to note, in key order: a permanent error keeps them out of later runs."""
        columns: defaultdict[str, list[Any]] = defaultdict(list)
        for (page_id, recipient_id), (since_us, run_id) in sorted(self._gone.items()):
            columns["page_ids"].append(page_id)
            columns["recipient_ids"].append(recipient_id)
            columns["since"].append(at_us(since_us))
            columns["run_ids"].append(run_id)
        return columns

    def _count(self, group: Group, at_us: int, latency_ms: float | None, by: int) -> None:
        count = self._groups.get(group)
        if count is None:
            key = (group[4], group[2], group[3] or "")
            if (all_pages := self._all_pages.get(key)) is None:
                all_pages = self._all_pages[key] = _Sum(0, array("i", _NO_LATENCIES))
            count = self._groups[group] = _Count(0, array("i", _NO_LATENCIES), at_us, at_us, all_pages)
        elif at_us > count.last_us:
            count.last_us = at_us
        elif at_us < count.first_us:
            count.first_us = at_us
        count.messages += by
        count.all_pages.messages += by
        if latency_ms is not None:
            bucket = bisect_right(EDGES_MS, stored_latency(latency_ms))
            count.latencies[bucket] += by
            count.all_pages.latencies[bucket] += by

    def _note_gone(self, row: Row) -> None:
        event = row.event
        if event.outcome not in _SAID_TO_BE_GONE or not event.page_id or not event.recipient_id:
            return
        if len(event.page_id) + len(event.recipient_id) > _LONGEST_KEY:
            return
        key = (event.page_id, event.recipient_id)
        if key not in self._gone or self._gone[key][0] < row.sent_at_us:
            self._gone[key] = (row.sent_at_us, event.run_id)


@lru_cache(maxsize=5000)
def _array_text(latencies: bytes) -> str:
    """Return these counts as PostgreSQL reads an array; of pages with a few rows most are alike."""
    return "{" + ",".join(map(str, array("i", latencies))) + "}"
