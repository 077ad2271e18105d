"""What can be asked of the audit trail."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.board.audit.audit_question import FILTERS, AuditQuestion, Place, audit_question
from ops.board.list_places import written
from ops.board.suppressions import BadFilter

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, True),
        ({"who": "maria"}, True),
        ({"who": "maria@10.0.0.1"}, True),
        ({"who": "mari"}, False),
        ({"what": "run"}, True),
        ({"what": "run pause"}, True),
        ({"what": "run pau"}, False),
        ({"target": "r"}, True),
        ({"target": "s"}, False),
        ({"since": "2026-11-22T12:00:00Z"}, True),
        ({"until": "2026-11-22T12:00:00Z"}, False),
        ({"until": "2026-11-22T12:00:00-01:00"}, True),
        ({"who": ""}, True),
    ],
)
def test_filters_choose(asked: dict[str, str | None], fits: bool) -> None:
    place = Place(NOON, "5-0", 0)
    assert audit_question(asked).fits(who="maria@10.0.0.1", what="run pause", target="r", place=place) is fits


def test_a_list_goes_on_behind_the_last_place() -> None:
    places = [Place(NOON, "", 7), Place(NOON, "", 8), Place(NOON, "5-0", 0), Place(NOON + timedelta(1), "", 1)]
    for index, after in enumerate(places):
        question = audit_question({"after": written(after)})
        assert question.after == after
        behind = [question.fits(who="", what="", target="", place=place) for place in places]
        assert behind == [True] * index + [False] * (len(places) - index)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("since", "yesterday", "a moment with its zone"),
        ("until", "2026-11-22T09:30:00", "a moment with its zone"),
        ("after", "x", "`next` of a former answer"),
        ("after", "bnVsbA", "`next` of a former answer"),
        ("who", "a\0", "NUL"),
    ],
)
def test_what_cannot_be_asked_is_said(name: str, text: str, said: str) -> None:
    with pytest.raises(BadFilter, match=said):
        audit_question({name: text})


@given(st.dictionaries(st.sampled_from(FILTERS), st.text()))
def test_any_text_is_a_question_or_refused(filters: dict[str, str | None]) -> None:
    with suppress(BadFilter):
        assert isinstance(audit_question(filters), AuditQuestion)
