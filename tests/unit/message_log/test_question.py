"""Which filters are a question, and what is said of those that are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.message_log.after import After
from ops.message_log.question import FAILURES, FILTERS, BadQuestion, Kind, question
from schema.outcomes import ErrorClass, Outcome

PLACE = "2026-11-22T09:30:00.000001Z_00000000-0000-0000-0000-000000000007"


@pytest.mark.parametrize(
    ("filters", "kind"),
    [
        ({"recipient": "7"}, Kind.RECIPIENT),
        ({"recipient": "7", "page": "1", "run": "r"}, Kind.RECIPIENT),
        ({"message": "m_1"}, Kind.MESSAGE),
        ({"run": "r"}, Kind.RUN),
        ({"run": "r", "outcome": "failed", "class": "transient", "code": "2"}, Kind.RUN),
        ({"failures": "1", "run": "r", "class": "transient"}, Kind.FAILURES_OF_RUN),
        ({"failures": "1", "page": "1", "code": "551"}, Kind.FAILURES_OF_PAGE),
        ({"failures": "1", "code": "551"}, Kind.FAILURES),
        ({"page": "1"}, Kind.PAGE),
    ],
)
@pytest.mark.parametrize("always", [{}, {"from": "2026-11-22T09Z", "to": "2026-11-22T10Z", "after": PLACE}])
def test_what_an_index_answers_is_a_question(filters: dict[str, str], always: dict[str, str], kind: Kind) -> None:
    asked = question({**dict.fromkeys(FILTERS), **filters, **always})
    assert asked.kind is kind
    assert (asked.recipient, asked.run, asked.page) == tuple(filters.get(n) for n in ("recipient", "run", "page"))
    assert (asked.since is None) == (not always)


def test_failures_are_all_that_may_not_have_been_reached() -> None:
    assert question({"failures": "1"}).outcomes == FAILURES
    assert sorted(set(Outcome) - FAILURES) == ["retrying", "sent"]
    assert question({"run": "r", "outcome": "sent"}).outcomes == frozenset({Outcome.SENT})
    assert question({"run": "r"}).outcomes is None


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"from": "2026-11-22T09Z"},
        {"outcome": "failed"},
        {"class": "transient"},
        {"code": "551"},
        {"page": "1", "outcome": "failed"},
        {"page": "1", "run": "r"},
        {"page": "1", "code": "551"},
        {"recipient": "7", "outcome": "failed"},
        {"message": "m", "run": "r"},
        {"failures": "1", "page": "1", "run": "r"},
        {"failures": "1", "page": "1", "class": "transient"},
        {"failures": "1", "run": "r", "outcome": "failed"},
    ],
)
def test_what_no_index_answers_is_refused_with_what_there_is(filters: dict[str, str]) -> None:
    with pytest.raises(BadQuestion) as refused:
        question(filters)
    assert str(refused.value) == (
        "no index answers this: ask for one of recipient [run, page]; message; run and failures [class, code]; "
        "page and failures [code]; failures [code]; run [outcome, class, code]; page; "
        "with each of them, from, to and after"
    )


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"run": ""}, "run is empty"),
        ({"run": "a\0b"}, "run holds a NUL character"),
        ({"run": "r", "outcome": "sended"}, "outcome must be one of sent, failed"),
        ({"run": "r", "class": "x"}, "class must be one of transient"),
        ({"failures": "yes"}, "failures must be 1"),
        ({"failures": "1", "code": "-1"}, "code must be a whole number from 0 to 2147483647"),
        ({"failures": "1", "code": "2147483648"}, "code must be a whole number"),
        ({"failures": "1", "code": "٣"}, "code must be a whole number"),
        ({"page": "1", "from": "2026-11-22T09:30:00"}, "from must be a moment with a time zone"),
        ({"page": "1", "to": "2026-11-22T09:30:00 07:00"}, "+ is written %2B"),
        ({"page": "1", "from": "2026-11-22T10Z", "to": "2026-11-22T10Z"}, "from must be before to"),
        ({"page": "1", "after": "2026-11-22T10Z"}, "after must be the `next` of a former answer"),
        ({"page": "1", "after": PLACE.replace("Z", "")}, "after must be the `next`"),
        ({"page": "1", "after": PLACE.replace("2026", "9999")}, "after must be the `next`"),
        ({"pages": "1"}, "pages is no filter: there are recipient, run"),
    ],
)
def test_filters_that_cannot_be_used_are_named_with_what_to_write(filters: dict[str, str], said: str) -> None:
    with pytest.raises(BadQuestion) as refused:
        question(filters)
    assert said in str(refused.value)


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(BadQuestion, match=r"outcome must .*; code must .*; from must "):
        question({"run": "r", "outcome": "x", "code": "x", "from": "x"})


@given(
    st.dictionaries(
        st.sampled_from([*FILTERS, "x"]),
        st.none() | st.text() | st.sampled_from(["1", PLACE, "2026-11-22T09Z", *Outcome, *ErrorClass]),
    )
)
def test_whatever_is_written_is_a_question_or_a_refusal(filters: dict[str, str | None]) -> None:
    try:
        asked = question(filters)
    except BadQuestion as exc:
        assert str(exc)  # noqa: PT017 - either way is right
    else:
        named = {name for name, text in filters.items() if text is not None}
        assert asked.kind.needs <= named <= asked.kind.needs | asked.kind.may | {"from", "to", "after"}


@given(
    st.datetimes(
        datetime(1970, 1, 2),
        datetime(8999, 12, 30),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=7)), timezone(-timedelta(minutes=345))]),
    ),
    st.uuids(),
)
def test_a_place_is_read_as_it_was_written(sent_at: datetime, event_id: UUID) -> None:
    place = After(sent_at, event_id)
    assert After.read(str(place)) == place
    assert str(After.read(str(place))) == str(place)
