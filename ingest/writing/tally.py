"""What rows add to the figures of runs and pages, and whom they say to be gone. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Mapping
from functools import lru_cache
from operator import add
from typing import Any, Final, TypeVar

import msgspec

from ingest.writing.binary_row import stored_latency
from ingest.writing.rows import Group, Row
from schema.event import at_us
from schema.latency_edges import EDGES_MS
from schema.outcomes import ErrorClass, Outcome

K = TypeVar("K", bound=Hashable)

_NO_LATENCIES: Final = bytes(array("i").itemsize * (len(EDGES_MS) + 1))
_SAID_TO_BE_GONE: Final = (Outcome.FAILED, Outcome.SUPPRESSED)
_LONGEST_KEY: Final = 600
"""Characters of page and person: the index of suppressions takes no more than 2.7 kB. Real ids have 20 each."""


class _Count(msgspec.Struct):
    messages: int
    first_us: int
    last_us: int
    latencies: array[int]


class Tally:
    """Counts rows, and takes back what a corrected row had counted for."""

    def __init__(self) -> None:
        self._groups: dict[Group, _Count] = {}
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
        by_run = _added_up({group: (group[0], group[2], group[3] or "") for group in self._groups}, self._groups)
        for (run_id, outcome, error_class), count in sorted(by_run.items()):
            columns["run_ids"].append(run_id)
            columns["outcomes"].append(outcome)
            columns["classes"].append(error_class)
            columns["messages"].append(count.messages)
            columns["first_at"].append(at_us(count.first_us))
            columns["last_at"].append(at_us(count.last_us))
        return columns

    def pages(self) -> dict[str, list[Any]]:
        """Return the columns of page_figures to add, by minute, in key order; latencies as texts of arrays."""
        columns: defaultdict[str, list[Any]] = defaultdict(list)
        by_page = _added_up({group: (group[1], group[4], group[2]) for group in self._groups}, self._groups)
        for (page_id, minute, outcome), count in sorted(by_page.items()):
            columns["page_ids"].append(page_id)
            columns["minutes"].append(at_us(minute * 60_000_000))
            columns["outcomes"].append(outcome)
            columns["messages"].append(count.messages)
            columns["latencies"].append(_array_text(count.latencies.tobytes()))
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
            count = self._groups[group] = _Count(0, at_us, at_us, array("i", _NO_LATENCIES))
        elif at_us > count.last_us:
            count.last_us = at_us
        elif at_us < count.first_us:
            count.first_us = at_us
        count.messages += by
        if latency_ms is not None:
            count.latencies[bisect_right(EDGES_MS, stored_latency(latency_ms))] += by

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


def _added_up(keys: Mapping[Group, K], groups: Mapping[Group, _Count]) -> dict[K, _Count]:
    """Return the groups' counts by a coarser key."""
    found: dict[K, _Count] = {}
    for group, key in keys.items():
        count, more = found.get(key), groups[group]
        if count is None:
            found[key] = more
        else:
            found[key] = _Count(
                count.messages + more.messages,
                min(count.first_us, more.first_us),
                max(count.last_us, more.last_us),
                array("i", map(add, count.latencies, more.latencies)),
            )
    return found
