"""What is shown of a run: the registry's word, and the queue's where it knows better."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.resources import files

import msgspec
from psycopg.rows import DictRow

from ops.board.log_query import query
from schema.event import at_us
from schema.run import RunState
from sender.queue.run_queue import HOLDERS, RunFacts, RunQueue

_SOON = timedelta(hours=2)
_ENDED = (RunState.FINISHED, RunState.REFUSED)
NOT_TAKEN = ("waiting", "not_taken")


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a person sees it."""

    run_id: str
    page_id: str
    source: str
    """`source` or `submitted`."""
    state: str
    """One of RunState; `paused` while anybody holds it; `submitted`: the run processor has not taken it yet; `waiting`:
    it will when its recipients can be seen; `not_taken`: it will not, as it is."""
    held_by: list[str]
    reason: str | None
    """Of a run that was refused, waits or is not taken: why."""
    recipients: int
    """So far: it grows while the state is `enqueuing`."""
    left: int
    progress: float
    """0 to 1."""
    outcomes: dict[str, int]
    priority: int
    parent_run_id: str | None
    scheduled_at: datetime | None
    expires_at: datetime | None
    taken_at: datetime
    finished_at: datetime | None
    brake_rule: str | None = None
    """Of a run that a brake holds: the rule that has set it, for which reason, and when."""
    brake_reason: str | None = None
    brake_at: datetime | None = None
    expires_soon: bool = False
    """Whether it is held and expires within two hours."""


def sql(name: str) -> str:
    """Return the text of `sql/NAME.sql`."""
    return files("ops.commands.run").joinpath("sql", f"{name}.sql").read_text("utf-8")


async def read_runs(url: str, queue: RunQueue, *, run_id: str | None = None, limit: int = 1) -> list[RunView]:
    """Return the newest runs, or this one (or none); newest first. Errors: psycopg.Error, redis.RedisError."""
    rows = await query(url, sql("runs"), {"run_id": run_id, "limit": limit})
    facts = await queue.facts([row["run_id"] for row in rows if row["state"] not in (*_ENDED, *NOT_TAKEN)])
    return [view(row, facts.get(row["run_id"])) for row in rows]


def view(row: DictRow, facts: RunFacts | None, now: datetime | None = None) -> RunView:
    """Put together what the registry and the queue say of a run. Pure, but for the time when that is not given."""
    state, recipients, outcomes, held_by = row["state"], row["recipients"], row["outcomes"], list[str]()
    finished_at, expires_at = row["finished_at"], row["expires_at"]
    left = 0 if state in _ENDED else recipients
    brake: dict[str, object] = {}
    if facts is not None and state != RunState.QUEUE_LOST:
        state, recipients, left, outcomes = facts.state.value, facts.recipients, facts.left, facts.outcomes
        finished_at = finished_at or (at_us(facts.finished_at_ms * 1000) if facts.finished_at_ms else None)
        expires_at = at_us(facts.expires_at_ms * 1000) if facts.expires_at_ms else expires_at
        if facts.state in (RunState.ENQUEUING, RunState.ACTIVE):
            held_by = sorted({*facts.held_by, "window"}, key=HOLDERS.index) if facts.closed else facts.held_by
            brake = _brake(facts)
    done = float(state == RunState.FINISHED) if not recipients else (recipients - left) / recipients
    state = RunState.PAUSED.value if held_by else state
    held = state in (RunState.PAUSED, RunState.QUEUE_LOST)
    merged = {
        **row,
        "state": state,
        "recipients": recipients,
        "outcomes": outcomes,
        "finished_at": finished_at,
        "expires_at": expires_at,
        "expires_soon": held and expires_at is not None and expires_at - (now or datetime.now(UTC)) < _SOON,
        **brake,
    }
    return RunView(**merged, held_by=held_by, left=left, progress=round(done, 4))


def _brake(facts: RunFacts) -> dict[str, object]:
    at = at_us(facts.brake_at_ms * 1000) if facts.brake_at_ms else None
    return {"brake_rule": facts.brake_rule, "brake_reason": facts.brake_reason, "brake_at": at}
