"""The soak's own parts: a seed says what a round does, and unknowns are told apart by what they came from."""

from __future__ import annotations

from collections import Counter

import pytest

from schema.job import event_id, job_id
from tests.faults.history import History, Row
from tests.faults.soak import HERE, ROUNDS, kind_of, summary
from tests.faults.unknowns import Cause, causes

JOB = job_id("r", "1").hex()


def test_every_kind_of_round_comes_and_its_tests_are_there() -> None:
    assert {kind_of(seed).name for seed in range(100, 100 + len(ROUNDS))} == {kind.name for kind in ROUNDS}
    assert kind_of(7) == kind_of(7 + len(ROUNDS))
    assert [test for kind in ROUNDS for test in kind.tests if not (HERE / test.partition("::")[0]).is_file()] == []


def unknown(*, marker: str | None, settler: str | None, killed: str = "", http_status: int | None = None) -> History:
    row = Row(str(event_id(bytes.fromhex(JOB), 1)), "r", "1", 1, "unknown", "ambiguous", http_status)
    return History(
        rows=[row, Row("another", "r", "2", 1, "sent", None)],
        markers={(JOB, 1): marker} if marker else {},
        settlers={JOB: settler} if settler else {},
        killed={killed} if killed else set(),
    )


@pytest.mark.parametrize(
    ("history", "cause"),
    [
        (unknown(marker="a", settler="b", killed="a"), Cause.SENDER_KILLED),
        (unknown(marker="a", settler=None, killed="a"), Cause.SENDER_KILLED),
        (unknown(marker="a", settler="b"), Cause.SESSION_LOST),
        (unknown(marker="a", settler="b", killed="c"), Cause.SESSION_LOST),
        (unknown(marker="a", settler="a", killed="a"), Cause.NO_ANSWER),
        (unknown(marker="a", settler="a", http_status=502), Cause.UNREADABLE),
        (unknown(marker=None, settler="b"), Cause.MARK_UNTOLD),
    ],
)
def test_an_unknown_is_told_apart(history: History, cause: Cause) -> None:
    assert causes(history) == {cause: 1}


def test_what_rounds_told_is_added_up() -> None:
    told = [
        {"fault": "random", "recipients": 10, "unknown": 2, "unknown_by_cause": {"no answer": 2}, "recovered_s": [1.0]},
        {"fault": "failovers", "failovers": 5, "unknown": 1, "unknown_by_cause": {"no answer": 1}},
        {"fault": "broker killed", "rows_s": 1.0},
    ]
    found = summary(Counter({"random": 1, "failovers": 1}), told)
    assert found["rounds"] == {"random": 1, "failovers": 1}
    assert (found["recipients"], found["failovers"], found["senders_killed"]) == (10, 5, 1)
    assert (found["unknown"], found["unknown_by_cause"]) == (3, {"no answer": 3})
