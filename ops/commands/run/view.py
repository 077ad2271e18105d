"""What is shown of a run: the registry's word, and the queue's where it knows better."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files

import msgspec
from psycopg.rows import DictRow

from ops.api.log_query import query
from schema.event import at_us
from schema.run import RunState
from sender.queue.run_queue import HOLDERS, RunFacts, RunQueue

_ENDED = (RunState.FINISHED, RunState.REFUSED)


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a person sees it."""

    run_id: str
    page_id: str
    source: str
    """`source` or `submitted`."""
    state: str
    """One of RunState; `paused` while anybody holds it; `submitted`: the run processor has not taken it yet."""
    held_by: list[str]
    reason: str | None
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


def sql(name: str) -> str:
    """Return the text of `sql/NAME.sql`."""
    return files("ops.commands.run").joinpath("sql", f"{name}.sql").read_text("utf-8")


async def read_runs(url: str, queue: RunQueue, *, run_id: str | None = None, limit: int = 1) -> list[RunView]:
    """Return the newest runs, or this one (or none); newest first. Errors: psycopg.Error, redis.RedisError."""
    rows = await query(url, sql("runs"), {"run_id": run_id, "limit": limit})
    facts = await queue.facts([row["run_id"] for row in rows if row["state"] not in _ENDED])
    return [view(row, facts.get(row["run_id"])) for row in rows]


def view(row: DictRow, facts: RunFacts | None) -> RunView:
    """Put together what the registry and the queue say of a run. Pure."""
    state, recipients, outcomes, held_by = row["state"], row["recipients"], row["outcomes"], list[str]()
    finished_at = row["finished_at"]
    left = 0 if state in _ENDED else recipients
    if facts is not None and state != RunState.QUEUE_LOST:
        state, recipients, left, outcomes = facts.state.value, facts.recipients, facts.left, facts.outcomes
        finished_at = finished_at or (at_us(facts.finished_at_ms * 1000) if facts.finished_at_ms else None)
        if facts.state in (RunState.ENQUEUING, RunState.ACTIVE):
            held_by = sorted({*facts.held_by, "window"}, key=HOLDERS.index) if facts.closed else facts.held_by
    done = float(state == RunState.FINISHED) if not recipients else (recipients - left) / recipients
    merged = {
        **row,
        "state": RunState.PAUSED.value if held_by else state,
        "recipients": recipients,
        "outcomes": outcomes,
        "finished_at": finished_at,
    }
    return RunView(**merged, held_by=held_by, left=left, progress=round(done, 4))
