"""What may be asked for a graph, and what is said of the rest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.board.graphs.graph_question import FILTERS, MOST_POINTS, STEPS_S, Metric, graph_question
from ops.message_log.question import BadQuestion

NOW = datetime(2026, 11, 26, 12, 30, 20, 500_000, tzinfo=UTC)
NOW_S = NOW.timestamp()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("asked", "since", "until"),
    [
        ({}, "2026-11-25T12:30Z", "2026-11-26T12:30:21Z"),
        ({"step": "second"}, "2026-11-26T12:15:21Z", "2026-11-26T12:30:21Z"),
        ({"step": "hour"}, "2026-11-19T12:00Z", "2026-11-26T12:30:21Z"),
        ({"from": "2026-11-26T12:28:31+00:00"}, "2026-11-26T12:28Z", "2026-11-26T12:30:21Z"),
        ({"to": "2026-11-26T10:00Z"}, "2026-11-25T10:00Z", "2026-11-26T10:00Z"),
        ({"to": "2027-01-01T00:00Z"}, "2026-11-25T12:30Z", "2026-11-26T12:30:21Z"),
    ],
)
def test_what_is_left_out_is_the_usual_time_up_to_now(asked: dict[str, str], since: str, until: str) -> None:
    found = graph_question(asked, NOW_S)
    assert (found.since_s, found.until_s) == (at(since), at(until))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"metric": "speed"}, "metric must be one of messages, failures, retries, latency"),
        ({"step": "day"}, "step must be one of second, minute, hour"),
        ({"page": "1", "run": "r"}, "write one of them"),
        ({"page": ""}, "page is empty"),
        ({"run": "a\0"}, "run holds a NUL"),
        ({"from": "yesterday"}, "from must be a moment with a time zone"),
        ({"to": "2026-11-26T12:00"}, "to must be a moment with a time zone"),
        ({"from": "2026-11-26T12:00Z", "to": "2026-11-26T12:00Z"}, "from must be before to"),
        ({"step": "minute", "from": "2026-11-20T00:00Z"}, "more than 1500 minutes"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(asked: dict[str, str], words: str) -> None:
    with pytest.raises(BadQuestion, match=words):
        graph_question(asked, NOW_S)


texts = st.one_of(st.text(max_size=30), st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"), st.none())
choices = st.fixed_dictionaries(
    dict.fromkeys(FILTERS, texts)
    | {"metric": st.sampled_from([*Metric, None, "x"]), "step": st.sampled_from([*STEPS_S, None, "x"])}
)


@given(choices)
def test_every_question_is_answered_within_bounds_or_refused(asked: dict[str, str | None]) -> None:
    try:
        found = graph_question(asked, NOW_S)
    except BadQuestion:
        return
    assert 0 <= found.until_s - found.since_s <= MOST_POINTS * found.step_s
    assert found.since_s % found.step_s == 0
