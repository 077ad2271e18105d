"""A run as it is shown, from the registry's row, what the log adds up to, and what the queue says. Pure."""

from __future__ import annotations

from collections import Counter

from ops.board.page_limits import BY_HAND_MS
from ops.board.reading import Fields
from ops.board.run_rates import RunRates
from ops.board.runs.causes import Holding, of_run
from ops.board.runs.off_queue import expires_soon, from_registry, page_name
from ops.board.runs.registry_row import NOT_TAKEN, RegistryRow
from ops.board.runs.run_answers import Brake, Cause, RunAnswer
from ops.board.runs.run_counts import at, by_log, counted, number, queue_counts
from ops.board.runs.run_status import NOTHING, Waiting, of_queue, waiting
from schema.event import at_us
from schema.run import RunState
from schema.text import Figure, Text
from sender.queue.run_queue import HOLDERS
from sender.queue.survey import Unfinished

_LONGEST_TURN_S = 10.0
"""A unit that is kept out of its lane for longer is outside its hours; shorter waits are for others' turns."""
_SENDING = (RunState.ENQUEUING, RunState.ACTIVE)
_MOVING = (RunState.ACTIVE, RunState.CANCELLED, RunState.EXPIRED)
_ENDED = (RunState.FINISHED, RunState.REFUSED)


def run_answer(
    run_id: str, row: RegistryRow | None, holding: Holding | None, rates: RunRates, now_s: float
) -> RunAnswer:
    """Return what is known of one run.

    Args:
        run_id: whose.
        row: the registry's; None: it does not know the run, or could not be asked.
        holding: what the queue says, read after the row; None: it could not be asked.
        rates: what was seen of its speed.
        now_s: seconds since 1970 where the queue says none.
    """
    fields = holding.reading.runs.get(run_id, {}) if holding else {}
    if row is not None and (row.state in (*_ENDED, RunState.QUEUE_LOST, *NOT_TAKEN) or not fields):
        return from_registry(row, holding.reading if holding else None, now_s)
    if holding is None:
        raise ValueError("nobody says anything of this run")
    return _from_queue(run_id, fields, row, holding, rates)


def jobs_waiting(jobs: Unfinished, holding: Holding, fields: Fields | None = None) -> tuple[list[Cause], Waiting]:
    """Return what holds a run of the queue, the strongest first, and where its messages are.

    `fields`: the run's, where they were read; else its holds are known by its jobs.
    """
    now_s = holding.reading.at_s
    if jobs.state in (RunState.CANCELLED, RunState.EXPIRED):
        return holding.for_all, waiting(jobs, holding.for_all, now_s)
    own = of_run(jobs.run_id, _holds(jobs, now_s) if fields is None else fields)
    of_page = holding.page(jobs.page_id, jobs.content)
    found = [
        *(one for one in own if one.cause != "window"),
        *holding.everything,
        *(one for one in of_page if one.cause != "throttled"),
        *(one for one in own if one.cause == "window"),
        *(one for one in of_page if one.cause == "throttled"),
    ]
    where = waiting(jobs, found, now_s, holding.throttled_to(jobs.page_id, jobs.content))
    full = [Cause.of("redis_full", holding.no_room)] if holding.no_room and jobs.state == RunState.ENQUEUING else []
    return [*found, *full, *_of_some(jobs, where, now_s)], where


def _holds(jobs: Unfinished, now_s: float) -> Fields:
    closed = jobs.parked_until_ms > (now_s + _LONGEST_TURN_S) * 1000
    return {f"hold:{holder}": "1" for holder in (*jobs.held_by, *(["window"] if closed else []))}


def _of_some(jobs: Unfinished, where: Waiting, now_s: float) -> list[Cause]:
    """Return causes that hold only some messages."""
    found = []
    if parked := where.waits.get("recipient_hours"):
        opens = [zone.parked_until_ms for zone in jobs.zones if zone.waiting and zone.parked_until_ms > now_s * 1000]
        moment = at_us(int(min(opens)) * 1000) if opens and min(opens) < BY_HAND_MS else None
        detail = Text(
            "%(n)s recipients have a time zone of their own in which the hours are closed now", n=Figure(parked, ",")
        )
        found.append(Cause.of("recipient_hours", detail, moment))
    if retries := where.waits.get("retry"):
        found.append(Cause.of("retry", Text("%(n)s messages wait for another attempt", n=Figure(retries, ","))))
    return found


def _from_queue(run_id: str, fields: Fields, row: RegistryRow | None, holding: Holding, rates: RunRates) -> RunAnswer:
    reading = holding.reading
    state, now_s = fields.get("state", ""), reading.at_s
    finished, jobs = state == RunState.FINISHED, reading.jobs.get(run_id)
    held_by = [holder for holder in HOLDERS if fields.get(f"hold:{holder}")] if state in _SENDING else []
    found, where = jobs_waiting(jobs, holding, fields) if jobs and not finished else ([], NOTHING if finished else None)
    if row is not None and row.waits_for_recipients and state == RunState.ENQUEUING:
        found = [Cause("nobody_yet", row.reason or ""), *found]
    counts = by_log(queue_counts(fields), row, complete=finished)
    taken_at, expires_at = at(fields, "taken_at_ms"), at(fields, "expires_at_ms")
    rate = 0.0 if finished else rates.rate(run_id)
    left = counts.left or 0
    return RunAnswer(
        run_id=run_id,
        page_id=fields.get("page", ""),
        page_name=page_name(reading, fields.get("page", ""), row),
        source=row.source if row else None,
        state=RunState.PAUSED if held_by else state,
        status=of_queue(state, fields.get("ended_as"), found, where),
        waiting_because=found,
        may_go=where.may_go if where else None,
        in_flight=where.in_flight if where else None,
        waits=where.waits if where else None,
        held_by=held_by,
        ended_as=fields.get("ended_as"),
        reason=row.reason if row else None,
        priority=number(fields, "priority"),
        **counted(counts, row, finished=finished),
        rate_per_second=round(rate, 1),
        eta_s=round(left / rate, 1) if rate and left and state in _MOVING and not held_by else None,
        parent_run_id=row.parent_run_id if row else None,
        scheduled_at=row.scheduled_at if row else None,
        taken_at=row.taken_at if row else taken_at,
        expires_at=expires_at,
        finished_at=at(fields, "finished_at_ms"),
        brake=_brake(fields) if "brake" in held_by else None,
        expires_soon=expires_soon(expires_at, now_s, held=bool(held_by)),
    )


def _brake(fields: Fields) -> Brake:
    return Brake(rule=fields.get("brake_rule", ""), reason=fields.get("brake_reason"), since=at(fields, "brake_at_ms"))


def total(holding: Holding) -> Waiting:
    """Return where the messages of all unfinished runs are, and what they wait for."""
    runs = holding.reading.runs
    parts = [jobs_waiting(jobs, holding, runs.get(jobs.run_id))[1] for jobs in holding.reading.unfinished]
    waits = Counter[str]()
    for part in parts:
        waits.update(part.waits)
    known = all(part.in_flight is not None for part in parts)
    in_flight = sum(part.in_flight or 0 for part in parts) if known else None
    return Waiting(sum(part.may_go for part in parts), in_flight, dict(waits))
