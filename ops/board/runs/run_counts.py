"""How far a run is: from the queue, the log or the registry, whoever knows. What nobody knows is None, not 0. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ops.board.reading import Fields
from ops.board.run_rates import Progress
from ops.board.runs.registry_row import NOT_TAKEN, RegistryRow
from schema.event import at_us
from schema.outcomes import Outcome
from schema.run import RunState


class Counts(msgspec.Struct, frozen=True):
    """How far a run is; None: not known."""

    recipients: int | None = None
    left: int | None = None
    outcomes: dict[str, int] | None = None
    figures: Literal["queue", "log", "registry"] | None = None


def queue_counts(fields: Fields) -> Counts:
    """Return what the queue has counted."""
    outcomes = {outcome.value: number(fields, outcome.value) for outcome in Outcome}
    return Counts(number(fields, "recipients"), number(fields, "left"), outcomes, "queue")


def registry_counts(row: RegistryRow) -> Counts:
    """Return the counts of a run that no queue can be asked of."""
    if row.state == RunState.REFUSED and not row.recipients:
        return Counts()
    if row.state in (RunState.REFUSED, "submitted", RunState.PAUSED, RunState.CANCELLED):
        left = 0 if row.state == RunState.REFUSED else row.recipients
        return Counts(row.recipients, left, _all({}), "registry")
    if row.state in NOT_TAKEN:
        return Counts()
    if row.state == RunState.FINISHED:
        outcomes = _all(row.outcomes) if row.outcomes or not row.recipients else None
        return by_log(Counts(row.recipients, 0, outcomes, "registry"), row, complete=True)
    recipients = row.recipients if row.enqueued else None
    if not row.log:
        return Counts(recipients)
    logged = _ended(row.log)
    left = None if recipients is None else max(0, recipients - logged)
    return Counts(recipients, left, _all(row.log), "log")


def by_log(counts: Counts, row: RegistryRow | None, *, complete: bool) -> Counts:
    """Take the log's outcomes once it has one of every recipient: it knows of corrections that came later."""
    if not complete or row is None or not row.log or _ended(row.log) != counts.recipients:
        return counts
    return Counts(counts.recipients, 0, _all(row.log), "log")


def counted(counts: Counts, row: RegistryRow | None, *, finished: bool) -> dict[str, Any]:
    """Return the fields of an answer that follow from the counts."""
    recipients, left = counts.recipients, counts.left
    progress = None if recipients is None or left is None else float(finished)
    if recipients and left is not None:
        progress = round((recipients - left) / recipients, 4)
    logged = None if row is None or row.log is None else _ended(row.log)
    return {**msgspec.structs.asdict(counts), "logged": logged, "progress": progress}


def _ended(log: dict[str, int]) -> int:
    return sum(n for outcome, n in log.items() if outcome != Outcome.RETRYING)


def _all(outcomes: dict[str, int]) -> dict[str, int]:
    return {outcome.value: int(outcomes.get(outcome.value, 0)) for outcome in Outcome}


def number(fields: Fields, name: str) -> int:
    """Return a field as a whole number; 0 when it is missing."""
    return int(float(fields.get(name) or 0))


def at(fields: Fields, name: str) -> datetime | None:
    """Return a field in ms since 1970 as a time; None when it is missing or 0."""
    ms = number(fields, name)
    return at_us(ms * 1000) if ms else None


def progress_of(fields: Fields) -> Progress:
    """Return how many recipients of a run got their final outcome in this queue, and since when it has the run.

    Outcomes that were kept from a queue that was lost are none of this one's doing.
    """
    taken_at = at(fields, "taken_at_ms")
    ended = number(fields, "recipients") - number(fields, "left") - number(fields, "kept")
    return Progress(ended, taken_at.timestamp() if taken_at else None)
