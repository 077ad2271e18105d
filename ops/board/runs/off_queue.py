"""A run as the registry and the log alone know it: ended, not taken, or no queue can be asked of it. Pure."""

from __future__ import annotations

from datetime import datetime

from ops.board.reading import Reading
from ops.board.redis_room import no_room
from ops.board.runs.causes import QUEUE_UNKNOWN
from ops.board.runs.registry_row import RegistryRow
from ops.board.runs.run_answers import Cause, RunAnswer, RunStatus
from ops.board.runs.run_counts import counted, registry_counts
from schema.run import RunState
from schema.text import Figure, Text

SOON_S = 7200.0
"""A held run that expires within this time is shown so."""
_ENDS = {"cancelled": RunStatus.CANCELLED, "expired": RunStatus.EXPIRED}


def from_registry(row: RegistryRow, reading: Reading | None, now_s: float) -> RunAnswer:
    """Return a run that has ended, was not taken, or that the queue does not know or cannot be asked of."""
    finished = row.state == RunState.FINISHED
    lost = row.state == RunState.QUEUE_LOST or (reading is not None and not row.is_over)
    counts = registry_counts(row)
    now_s = reading.at_s if reading else now_s
    status, found = _status(row, lost=lost, reading=reading, now_s=now_s)
    waits: dict[str, int] | None = {"queue_lost": counts.left} if found and lost and counts.left is not None else None
    over = row.is_over
    return RunAnswer(
        run_id=row.run_id,
        page_id=row.page_id,
        page_name=page_name(reading, row.page_id, row),
        source=row.source,
        state=row.state,
        status=status,
        waiting_because=found,
        may_go=0 if lost or over else None,
        in_flight=0 if lost or over else None,
        waits={} if over else waits,
        held_by=[],
        ended_as=row.ended_as if finished or row.state == RunState.CANCELLED else None,
        reason=row.reason,
        priority=row.priority,
        **counted(counts, row, finished=finished),
        rate_per_second=0.0 if lost or over else None,
        eta_s=None,
        parent_run_id=row.parent_run_id,
        scheduled_at=row.scheduled_at,
        taken_at=row.taken_at,
        expires_at=row.expires_at,
        finished_at=row.finished_at,
        expires_soon=expires_soon(row.expires_at, now_s, held=lost),
    )


def _status(row: RegistryRow, *, lost: bool, reading: Reading | None, now_s: float) -> tuple[RunStatus, list[Cause]]:
    if row.state == RunState.FINISHED or row.ended_as in _ENDS:
        return _ENDS.get(row.ended_as or "", RunStatus.FINISHED), []
    if row.state in (RunState.REFUSED, "not_taken"):
        return RunStatus.REFUSED, []
    if (cause := _waits_for(row, lost=lost, reading=reading, now_s=now_s)) is None:
        return RunStatus.UNKNOWN, []
    return RunStatus.SCHEDULED if cause.cause == "scheduled" else RunStatus.WAITING, [cause]


def _waits_for(row: RegistryRow, *, lost: bool, reading: Reading | None, now_s: float) -> Cause | None:
    if lost:
        told = row.reason if row.state == RunState.QUEUE_LOST else None
        return Cause.of("queue_lost", Text(told) if told else QUEUE_UNKNOWN)
    if row.taken:
        return None
    if row.state == "waiting":
        return Cause("nobody_yet", row.reason or "")
    if row.state == RunState.PAUSED:
        mend = f"newar run resume {row.run_id}"
        return Cause.of("operator", Text("paused by hand before it was taken: %(command)s lets it go on", command=mend))
    if row.scheduled_at and row.scheduled_at.timestamp() > now_s:
        return Cause.of("scheduled", Text("it is due at %(moment)s", moment=Figure(row.scheduled_at)), row.scheduled_at)
    return _not_taken_yet(row, reading)


def _not_taken_yet(row: RegistryRow, reading: Reading | None) -> Cause:
    if reading and (full := no_room(reading.processes, row.source)):
        return Cause.of("redis_full", full)
    alive = reading is None or any(process.runs for process in reading.processes)
    detail = (
        Text("the run processor has not taken it yet")
        if alive
        else Text("no run processor is alive to take it: start one with newar runs")
    )
    return Cause.of("run_processor", detail)


def expires_soon(expires_at: datetime | None, now_s: float, *, held: bool) -> bool:
    """Say whether a held run has little time left."""
    return held and expires_at is not None and expires_at.timestamp() - now_s < SOON_S


def page_name(reading: Reading | None, page_id: str, row: RegistryRow | None) -> str | None:
    """Return what the source calls the page, as the queue knows it or else the log database."""
    told = reading.pages.get(page_id, {}).get("name") if reading else None
    return told or (row.page_name if row else None)
