"""From counts by moment to the columns of a graph. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from ops.board.answers import Answer
from ops.board.graphs.graph_question import GraphQuestion, Metric
from ops.board.runs.run_answers import CheckStatus
from schema.latency_edges import percentile
from schema.outcomes import Outcome
from schema.seconds import Counts

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
MOST_CLASSES = 24
OTHERS = "others"
NO_CLASS = "none"
_NOT_REACHED = frozenset(Outcome) - {Outcome.SENT, Outcome.RETRYING}
Column = list[int | float | None]


class Known(msgspec.Struct, frozen=True):
    """What a source knows of the steps that were asked for."""

    counts: Mapping[int, Counts]
    """By the moment at which the step begins; a step without any may be left out."""
    steps: Collection[int]
    """Those of which everything is known: what is not counted there did not happen."""
    complete_until_s: int | None
    """Nothing is missing of what happened before; None: nothing is known."""


class GraphAnswer(Answer, kw_only=True):
    """`/api/v1/history`. Columns for a chart: `at` and each of `series` have the same length."""

    metric: Metric
    step_s: int
    page: str | None
    run: str | None
    complete_until: datetime | None
    """Steps that end later are null: not all is known of them yet. null: nothing is known."""
    known_since: datetime | None
    """From here to `complete_until` everything is known; of what is asked for before, not all is. null: nothing is."""
    log: CheckStatus
    """`not_configured`: this service has no log database, and knows neither minutes nor hours."""
    at: list[int]
    """When each step begins: seconds since 1970 (UTC)."""
    series: dict[str, list[int | float | None]]
    """`messages`: attempts by outcome, each of them there; `failures`, `retries`: attempts by error class, the most
    frequent first; `latency`: p50, p95 and p99 in ms, to 20 %. 0: there were none. null: that is not known; of
    latencies also: there were none. Seconds count an attempt when it was settled, the others when it was sent."""


def answer(question: GraphQuestion, known: Known, log: CheckStatus = "ok") -> GraphAnswer:
    """Put the columns together."""
    at = list(range(question.since_s, question.until_s, question.step_s))
    cells = [known.counts.get(moment, Counts({}, {})) if moment in known.steps else None for moment in at]
    until = known.complete_until_s
    return GraphAnswer(
        metric=question.metric,
        step_s=question.step_s,
        page=question.page,
        run=question.run,
        complete_until=None if until is None else datetime.fromtimestamp(until, UTC),
        known_since=_known_since(at, question.step_s, known),
        log=log,
        at=at,
        series=_percentiles(cells) if question.metric is Metric.LATENCY else _counted(question.metric, cells),
    )


def _known_since(at: Sequence[int], step_s: int, known: Known) -> datetime | None:
    since = None
    for moment in reversed(at):
        if moment in known.steps:
            since = moment
        elif since is not None or known.complete_until_s is None or moment + step_s <= known.complete_until_s:
            break
    return None if since is None else datetime.fromtimestamp(since, UTC)


def _counted(metric: Metric, cells: list[Counts | None]) -> dict[str, Column]:
    split = [None if cell is None else _split(metric, cell) for cell in cells]
    if metric is Metric.MESSAGES:
        names = [outcome.value for outcome in Outcome]
        return {name: [None if cell is None else cell.get(name, 0) for cell in split] for name in names}
    total = Counter[str]()
    for cell in split:
        total.update(cell or {})
    frequent = [name for name, count in total.most_common() if count]
    named, others = frequent[:MOST_CLASSES], frequent[MOST_CLASSES:]
    columns: dict[str, Column] = {
        name: [None if cell is None else cell.get(name, 0) for cell in split] for name in named
    }
    if others:
        columns[OTHERS] = [None if cell is None else sum(cell.get(name, 0) for name in others) for cell in split]
    return columns


def _split(metric: Metric, cell: Counts) -> dict[str, int]:
    """Return what the metric counts, by name."""
    found: dict[str, int] = {}
    for ended, count in cell.ended.items():
        outcome, _, error_class = ended.partition("/")
        if metric is Metric.MESSAGES:
            name = outcome
        elif (outcome == Outcome.RETRYING) if metric is Metric.RETRIES else (outcome in _NOT_REACHED):
            name = error_class or NO_CLASS
        else:
            continue
        found[name] = found.get(name, 0) + count
    return found


def _percentiles(cells: list[Counts | None]) -> dict[str, Column]:
    return {
        name: [None if cell is None else percentile(cell.latencies, share) for cell in cells]
        for name, share in PERCENTILES.items()
    }
