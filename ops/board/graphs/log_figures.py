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
_LATENCIES = {"latencies": f"ARRAY[{_SUMS}]::bigint[]", "outcome": "''", "error_class": "''"}
_MESSAGES = {"latencies": "NULL", "outcome": "outcome", "error_class": "error_class"}


def _sql(name: str) -> str:
    return files("ops.board.graphs").joinpath("sql", f"{name}.sql").read_text("utf-8")


_PAGE_STEPS, _LOG_STEPS, _REACH = map(_sql, ("page_steps", "log_steps", "log_reach"))


def statement(question: GraphQuestion, page_id: str | None) -> tuple[str, dict[str, Any]]:
    """Return what asks for it. `page_id`: of the page or the run that is asked for; None: of all pages."""
    columns = _LATENCIES if question.metric is Metric.LATENCY else _MESSAGES
    params = {
        "step_s": question.step_s,
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
    return Known(_counts(rows), _known_steps(question, reach, until_s), until_s)


def _known_steps(question: GraphQuestion, reach: Reach, until_s: int | None) -> range:
    step_s = question.step_s
    if reach.first_s is None or until_s is None:
        return range(0)
    first_s = reach.first_s - reach.first_s % step_s
    if step_s < 3600:
        first_s = max(first_s, reach.now_s - MINUTES_KEPT_S)
    return range(-(-first_s // step_s) * step_s, until_s - until_s % step_s, step_s)


def _counts(rows: Sequence[DictRow]) -> dict[int, Counts]:
    counts: dict[int, Counts] = {}
    for row in rows:
        latencies = dict(enumerate(row["latencies"] or ()))
        ended = f"{row['outcome']}/{row['error_class']}" if row["error_class"] else row["outcome"]
        counts.setdefault(row["at"], Counts({}, {})).add(Counts({ended: row["messages"]}, latencies))
    return counts
