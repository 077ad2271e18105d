"""Reading minutes and hours from the figures that the ingest keeps beside the log's rows."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from psycopg.rows import DictRow

from ops.board.graphs.graph_question import GraphQuestion, Metric
from ops.board.graphs.reach import Reach, complete_until_s
from ops.board.graphs.series import Known
from ops.board.history import History
from schema.event import at_us
from schema.latency_edges import EDGES_MS
from schema.seconds import Counts
from schema.snapshot import ProcessSnapshot

MINUTES_KEPT_S = 24 * 3600
"""Older ones are hours."""
_SUMS = ", ".join(f"sum(latencies[{bucket}])" for bucket in range(1, len(EDGES_MS) + 2))
_COLUMNS = {  # no finer than what is drawn: the fewer rows, the quicker
    Metric.MESSAGES: ("true", "outcome", "''", "NULL"),
    Metric.FAILURES: ("outcome NOT IN ('sent', 'retrying')", "outcome", "error_class", "NULL"),
    Metric.RETRIES: ("outcome = 'retrying'", "outcome", "error_class", "NULL"),
    Metric.LATENCY: ("true", "''", "''", f"ARRAY[{_SUMS}]::bigint[]"),
}


def _sql(name: str) -> str:
    return files("ops.board.graphs").joinpath("sql", f"{name}.sql").read_text("utf-8")


_PAGE_STEPS, _LOG_STEPS, _REACH = map(_sql, ("page_steps", "log_steps", "log_reach"))


def statement(question: GraphQuestion, page_id: str | None) -> tuple[str, dict[str, Any]]:
    """Return what asks for it. `page_id`: of the page or the run that is asked for; None: of all pages."""
    columns = dict(zip(("which", "outcome", "error_class", "latencies"), _COLUMNS[question.metric], strict=True))
    params = {
        "steps": [60] if question.step_s == 60 else [60, 3600],
        "since": at_us(question.since_s * 1_000_000),
        "until": at_us(question.until_s * 1_000_000),
    }
    if page_id is None:
        return _LOG_STEPS.format(**columns), params
    return _PAGE_STEPS.format(**columns), params | {"page": page_id, "run": question.run}


async def read_figures(
    history: History,
    question: GraphQuestion,
    page_id: str | None,
    under_way: tuple[Sequence[ProcessSnapshot], float | None],
) -> Known:
    """Return what the log database knows. `under_way`: the processes and the oldest outbox, see complete_until_s.

    Raises:
        HistoryUnreachable: when the log database does not answer in time, or refuses.
    """
    [found] = await history.ask(_REACH, {})
    firsts = [at for at in (found["first_hour_s"], found["first_minute_s"]) if at is not None]
    reach = Reach(found["now_s"], min(firsts, default=None), found["last_minute_s"], found["partitions"])
    until_s = complete_until_s(reach, *under_way)
    rows = await history.ask(*statement(question, page_id))
    return Known(_counts(rows, question.step_s), _known_steps(question, reach, until_s), until_s)


def _known_steps(question: GraphQuestion, reach: Reach, until_s: int | None) -> range:
    step_s = question.step_s
    if reach.first_s is None or until_s is None:
        return range(0)
    first_s = reach.first_s - reach.first_s % step_s
    if step_s < 3600:
        first_s = max(first_s, reach.now_s - MINUTES_KEPT_S)
    return range(-(-first_s // step_s) * step_s, until_s - until_s % step_s, step_s)


def _counts(rows: Sequence[DictRow], step_s: int) -> dict[int, Counts]:
    """Add rows up; those of minutes may be asked for as hours."""
    counts: dict[int, Counts] = {}
    for row in rows:
        at_s = int(row["at"].timestamp())
        at_s -= at_s % step_s
        if (cell := counts.get(at_s)) is None:
            cell = counts[at_s] = Counts({}, {})
        ended = f"{row['outcome']}/{row['error_class']}" if row["error_class"] else row["outcome"]
        cell.ended[ended] = cell.ended.get(ended, 0) + row["messages"]
        for bucket, count in enumerate(row["latencies"] or ()):
            if count:
                cell.latencies[bucket] = cell.latencies.get(bucket, 0) + count
    return counts
