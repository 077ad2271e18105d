"""Rows and figures of the log as answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import DictRow

from ops.message_log import statements
from ops.message_log.after import After
from ops.message_log.question import Kind, Question
from ops.message_log.statements import RunFigure, sql

Ask = Callable[[str, dict[str, Any]], Awaitable[list[DictRow]]]
"""Asks the log database one statement."""


class LogRow(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt, as it stands in `message_logs`."""

    event_id: UUID
    run_id: str
    page_id: str
    recipient_id: str
    attempt: int
    outcome: str
    error_class: str | None
    error_code: int | None
    error_subcode: int | None
    error_message: str | None
    http_status: int | None
    message_id: str | None
    latency_ms: float | None
    sender_id: str
    fbtrace_id: str | None
    sent_at: datetime
    ingested_at: datetime


class LogAnswer(msgspec.Struct, frozen=True):
    """Rows of the log, newest first; `next`, given as `after`, brings the following ones, null: there are none.

    Fewer rows than were asked for are the last ones, also for those who may see some pages only.
    """

    rows: list[LogRow]
    next: str | None


async def read_rows(ask: Ask, question: Question, limit: int) -> LogAnswer:
    """Return the newest rows that answer a question. Errors: as of `ask`."""
    wanted = limit + 1  # whether there are more shows in one more
    if question.by_figures:
        found = await _read_of_run(ask, question, await read_figures(ask, question.run or ""), wanted, wanted)
    else:
        [row] = await ask(sql("until"), {})
        found = _rows(await ask(*statements.rows(question, wanted, row["until"])))
    more = len(found) > limit
    found = found[:limit]
    return LogAnswer(found, str(After(found[-1].sent_at, found[-1].event_id)) if more else None)


async def read_figures(ask: Ask, run_id: str) -> list[RunFigure]:
    """Return what the log knows of a run, most first; nothing, when it knows nothing yet, or no more."""
    return [RunFigure(**row) for row in await ask(sql("run_figures"), {"run": run_id})]


async def read_examples(ask: Ask, run_id: str, figures: Sequence[RunFigure], each: int) -> list[LogRow]:
    """Return the newest few rows of each of these outcomes and classes. Errors: as of `ask`."""
    question = Question(kind=Kind.RUN, run=run_id)
    return await _read_of_run(ask, question, figures, each, each * max(1, len(figures)))


async def _read_of_run(
    ask: Ask, question: Question, figures: Sequence[RunFigure], limit: int, most: int
) -> list[LogRow]:
    statement = statements.rows_of_run(question, figures, limit, most)
    return _rows(await ask(*statement)) if statement else []


def _rows(found: list[DictRow]) -> list[LogRow]:
    """Times become UTC, whatever zone the database's session has."""
    times = ("sent_at", "ingested_at")
    return [LogRow(**{**row, **{name: row[name].astimezone(UTC) for name in times}}) for row in found]
