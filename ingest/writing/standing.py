"""What to do with events when some of them are in the log already: which of two with one id is to stand. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from ingest.writing.binary_row import stored_latency
from ingest.writing.rows import DeadLetter, Group, Row, refused
from schema.outcomes import Outcome

_CONFLICT = "conflict: the log has an event with this id and another content"

Identity = tuple[datetime, bytes]


class Correction(msgspec.Struct, frozen=True):
    """A row of the log, as far as it counts, and the one that says more."""

    was: Group
    latency_ms: float | None
    row: Row


class Sorted(msgspec.Struct):
    """Rows by what became of them."""

    new: list[Row]
    corrections: list[Correction]
    repeated: int
    conflicting: list[DeadLetter]


def content(row: Row) -> tuple[Any, ...]:
    """Return what the log holds of a row beside its identity, in the order of CONTENT."""
    event = row.event
    return (
        event.attempt, event.run_id, event.page_id, event.recipient_id, event.outcome.value, event.error_class,
        event.error_code, event.error_subcode, event.error_message, event.http_status, event.message_id,
        None if event.latency_ms is None else stored_latency(event.latency_ms), event.sender_id, event.fbtrace_id,
    )  # fmt: skip


CONTENT = (
    "attempt", "run_id", "page_id", "recipient_id", "outcome", "error_class", "error_code", "error_subcode",
    "error_message", "http_status", "message_id", "latency_ms", "sender_id", "fbtrace_id",
)  # fmt: skip


def sort_out(rows: Iterable[Row], logged: Mapping[Identity, tuple[Any, ...]]) -> Sorted:
    """Sort rows by what the log holds of them.

    An attempt has one event, and a message that is produced twice is one row. But a queue that was set back to an
    earlier moment may judge an attempt once more: then a known final outcome counts more than `unknown`, and that more
    than `retrying`, whichever came first. Two events that differ otherwise contradict each other: the first stands, the
    other is kept as a dead letter.

    Args:
        rows: in the order of the topic.
        logged: identity -> content of those that are in the log.
    """
    standing = dict(logged)
    best: dict[Identity, Row] = {}
    repeated, conflicting = 0, []
    for row in rows:
        stands = standing.get(row.identity)
        mine = content(row)
        if stands is None or _rank(mine) > _rank(stands):
            repeated += row.identity in best
            best[row.identity], standing[row.identity] = row, mine
        elif mine == stands or _rank(mine) < _rank(stands):
            repeated += 1
        else:
            conflicting.append(refused(row, _CONFLICT, _CONFLICT))
    improved = [identity for identity in best if identity in logged]
    return Sorted(
        new=[row for identity, row in best.items() if identity not in logged],
        corrections=[_correction(logged[identity], best[identity]) for identity in improved],
        repeated=repeated,
        conflicting=conflicting,
    )


_RANKS = {Outcome.RETRYING.value: 0, Outcome.UNKNOWN.value: 1}


def _rank(values: tuple[Any, ...]) -> int:
    return _RANKS.get(values[CONTENT.index("outcome")], 2)


def _correction(values: tuple[Any, ...], row: Row) -> Correction:
    stood = dict(zip(CONTENT, values, strict=True))
    was = (stood["run_id"], stood["page_id"], stood["outcome"], stood["error_class"], row.group[-1])
    return Correction(was, stood["latency_ms"], row)
