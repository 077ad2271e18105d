"""From counts to columns: what is not known is null, what did not happen is 0, and a percentile is true to 20 %."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.board.graphs.graph_question import GraphQuestion, Metric
from ops.board.graphs.reach import IN_FLIGHT_S, Reach, complete_until_s
from ops.board.graphs.series import MOST_CLASSES, OTHERS, Known, answer
from schema.latency_edges import EDGES_MS, percentile
from schema.seconds import Counts
from schema.snapshot import IngestSnapshot, ProcessSnapshot

COUNTS = {
    60: Counts({"sent": 5, "failed/bad_payload": 2, "failed": 1, "retrying/transient": 3}, {3: 4, 10: 1}),
    180: Counts({"suppressed/recipient_gone": 7, "retrying/rate_limit_page": 1}, {}),
}


def columns(metric: Metric, counts: dict[int, Counts] = COUNTS, until_s: int = 300) -> Any:
    question = GraphQuestion(metric=metric, step_s=60, page=None, run=None, since_s=60, until_s=until_s)
    found = answer(question, Known(counts, range(60, 240, 60), 240))
    assert found.at == list(range(60, until_s, 60))
    assert all(len(column) == len(found.at) for column in found.series.values())
    return found.series


def test_messages_are_counted_by_outcome() -> None:
    found = columns(Metric.MESSAGES)
    assert {name: found[name] for name in ("sent", "failed", "suppressed", "retrying", "expired")} == {
        "sent": [5, 0, 0, None],
        "failed": [3, 0, 0, None],
        "suppressed": [0, 0, 7, None],
        "retrying": [3, 0, 1, None],
        "expired": [0, 0, 0, None],
    }


@pytest.mark.parametrize(
    ("steps", "complete_until_s", "since_s"),
    [
        (range(60, 240, 60), 240, 60),
        (range(120, 240, 60), 240, 120),
        ([60, 180], 240, 180),
        ([60, 120], 180, 60),  # the last one is not over
        ([60, 120], 240, None),
        ([], 240, None),
        ([], None, None),
    ],
)
def test_from_when_on_all_is_known(steps: Sequence[int], complete_until_s: int | None, since_s: int | None) -> None:
    question = GraphQuestion(metric=Metric.FAILURES, step_s=60, page=None, run=None, since_s=60, until_s=240)
    found = answer(question, Known({}, steps, complete_until_s)).known_since
    assert (found.timestamp() if found else None) == since_s


def test_failures_and_retries_are_counted_by_class_the_most_frequent_first() -> None:
    assert list(columns(Metric.FAILURES).items()) == [
        ("recipient_gone", [0, 0, 7, None]),
        ("bad_payload", [2, 0, 0, None]),
        ("none", [1, 0, 0, None]),
    ]
    assert columns(Metric.RETRIES) == {"transient": [3, 0, 0, None], "rate_limit_page": [0, 0, 1, None]}


def test_of_many_classes_the_rest_is_together() -> None:
    many = {60: Counts({f"failed/c{n}": n + 1 for n in range(MOST_CLASSES + 5)}, {})}
    found = columns(Metric.FAILURES, many)
    assert len(found) == MOST_CLASSES + 1
    assert sum(column[0] for column in found.values()) == many[60].attempts
    assert found[OTHERS] == [15, 0, 0, None]


def test_without_a_latency_there_is_no_percentile() -> None:
    assert columns(Metric.LATENCY) == {
        "p50": [pytest.approx(59.6, rel=0.2), None, None, None],
        "p95": [pytest.approx(673, rel=0.2), None, None, None],
        "p99": [pytest.approx(673, rel=0.2), None, None, None],
    }


@given(st.lists(st.floats(EDGES_MS[0], EDGES_MS[-1] - 1), min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_percentile_is_true_to_20_percent(latencies: list[float], share: float) -> None:
    exact = sorted(latencies)[math.ceil(share * len(latencies)) - 1]
    found = percentile(Counter(bisect_right(EDGES_MS, ms) for ms in latencies), share)
    assert found == pytest.approx(exact, rel=0.2)


def process(**figures: Any) -> ProcessSnapshot:
    ingest = IngestSnapshot(**figures)
    return ProcessSnapshot(process_id="i", service="ingest", host="h", pid=1, started_at_ms=0, at_ms=0, ingest=ingest)


@pytest.mark.parametrize(
    ("processes", "oldest_outbox_s", "until_s"),
    [
        ([process(partitions=[0, 1], read_until_ms=999_000)], None, 999 - IN_FLIGHT_S),
        ([process(partitions=[0, 1], read_until_ms=999_000)], 700.5, 700 - IN_FLIGHT_S),
        (
            [process(partitions=[0], read_until_ms=999_000), process(partitions=[1], read_until_ms=500_000)],
            None,
            500 - IN_FLIGHT_S,
        ),
        ([process(partitions=[0], read_until_ms=999_000)], None, 840),
        ([process(partitions=[0, 1], read_until_ms=0)], None, 840),
        ([process(partitions=[0, 1], read_until_ms=999_000), process()], None, 999 - IN_FLIGHT_S),
        ([], None, 840),
    ],
    ids=["read to the end", "an old outbox", "one behind", "a partition of nobody", "not known", "an idle one", "none"],
)
def test_the_log_is_complete_as_far_as_somebody_says_else_to_its_newest_minute(
    processes: list[ProcessSnapshot], oldest_outbox_s: float | None, until_s: int
) -> None:
    assert complete_until_s(Reach(1000, 0, 840, [0, 1]), processes, oldest_outbox_s) == until_s


def test_of_an_empty_log_that_nobody_reads_nothing_is_known() -> None:
    assert complete_until_s(Reach(1000, None, None, []), [], None) is None
