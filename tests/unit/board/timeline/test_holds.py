"""Acts of people and of rules become stretches of time for which something held a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.board.audit.audit_trail import Act
from ops.board.runs.run_answers import Cause
from ops.board.timeline.holds import concerns, entries_of, of_the_run, with_the_present

TEN = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


def minute(n: int) -> datetime:
    return TEN + timedelta(minutes=n)


def act(n: int, what: str, who: str = "rule x", target: str = "1", detail: str = "") -> Act:
    """What somebody did in minute n; what a rule did is by its name no person's."""
    by_person = who in ("ana", "bob")
    return Act(
        at=minute(n),
        who=who,
        what=what,
        target=target,
        detail=detail,
        stream_id=None,
        waiting=False,
        by_person=by_person,
    )


def stretches(*acts: Act) -> list[tuple[Any, ...]]:
    return [(e.what, _minute(e.at), _minute(e.until), e.who, e.ended_by) for e in entries_of(acts) if e.holds]


def _minute(at: datetime | None) -> int | None:
    return None if at is None else round((at - TEN).total_seconds() / 60)


@pytest.mark.parametrize(
    ("acts", "found"),
    [
        ([act(1, "page pause"), act(3, "page resume")], [("page_paused", 1, 3, "rule x", "rule x")]),
        ([act(1, "page pause", "ana"), act(3, "page resume", "bob")], [("page_paused", 1, 3, "ana", "bob")]),
        (
            [act(1, "page breaker open"), act(3, "page breaker open", "ana"), act(4, "page breaker close", "bob")],
            [("breaker", 1, 3, "rule x", "ana"), ("breaker", 3, 4, "ana", "bob")],
        ),
        ([act(1, "page throttle"), act(9, "page unthrottle")], [("throttled", 1, 9, "rule x", "rule x")]),
        (
            [act(1, "page throttle"), act(2, "page pause"), act(9, "limits reset", "ana", detail="pace, pause")],
            [("throttled", 1, 9, "rule x", "ana"), ("page_paused", 2, 9, "rule x", "ana")],
        ),
        (
            [act(1, "page throttle"), act(2, "throttle --all"), act(9, "limits reset", "ana", "app", "ceiling")],
            [("throttled", 1, None, "rule x", ""), ("throttled", 2, 9, "rule x", "ana")],
        ),
        ([act(1, "pause --all", "ana"), act(2, "resume --all", "bob")], [("app_paused", 1, 2, "ana", "bob")]),
        (
            [act(1, "senders gone", "senders"), act(2, "senders back", "senders")],
            [("no_sender", 1, 2, *["senders"] * 2)],
        ),
        ([act(1, "run brake"), act(2, "run resume", "ana")], [("brake", 1, 2, "rule x", "ana")]),
        ([act(1, "run pause", "ana"), act(2, "run resume", "ana")], [("operator", 1, 2, "ana", "ana")]),
        (
            [act(1, "run pause", "source"), act(2, "run pause", "ana"), act(3, "run resume", "source")],
            [("source", 1, 3, "source", "source"), ("operator", 2, None, "ana", "")],
        ),
        (
            [act(1, "page pause", "ana"), act(3, "run queue lost", "run processor"), act(5, "run recover", "bob")],
            [("page_paused", 1, 3, "ana", "run processor"), ("queue_lost", 3, 5, "run processor", "bob")],
        ),
        ([act(1, "page pause"), act(3, "run cancel", "ana")], [("page_paused", 1, 3, "rule x", "ana")]),
        ([act(3, "page breaker close")], [("breaker", None, 3, "", "rule x")]),
        ([act(3, "run resume", "ana")], [("operator", None, 3, "", "ana")]),
    ],
)
def test_acts_become_stretches(acts: list[Act], found: list[tuple[Any, ...]]) -> None:
    assert stretches(*acts) == found


def test_other_acts_stay_moments() -> None:
    found = entries_of([act(1, "limits set", "ana", detail="5/s"), act(2, "run cancel", "ana"), act(3, "a newer one")])
    assert [(e.what, e.holds, e.scope) for e in found] == [
        ("limits set", False, "page"),
        ("run cancel", False, "run"),
        ("a newer one", False, "page"),
    ]


@pytest.mark.parametrize(
    ("what", "target", "it_does"),
    [
        ("run pause", "r", True),
        ("run pause", "other", False),
        ("page pause", "p", True),
        ("page pause", "r", False),
        ("limits set", "p", True),
        ("suppression add", "p", True),
        ("person erase", "p", False),
        ("user add", "r", False),
        ("pause --all", "all pages", True),
        ("senders gone", "all pages", True),
        ("limits reset", "app", True),
        ("run pause", "all pages", False),
        ("page pause", "app", False),
    ],
)
def test_only_what_was_done_to_the_run_its_page_or_everything_concerns_it(
    what: str, target: str, it_does: bool
) -> None:
    assert concerns(act(1, what, target=target), "r", "p") is it_does


def test_what_was_over_before_it_began_or_began_after_its_end_is_not_its() -> None:
    acts = [
        *(act(1, "page pause"), act(2, "page resume"), act(3, "page breaker open"), act(12, "limits set", "ana")),
        *(act(13, "page throttle"), act(25, "pause --all", "ana"), act(30, "page breaker close")),
        *(act(31, "run retry", "ana"), act(32, "limits set", "ana")),
    ]
    found = of_the_run(entries_of(acts), minute(10), minute(20))
    assert [(e.what, _minute(e.at), _minute(e.until), e.now) for e in found] == [
        ("breaker", 3, 20, False),
        ("limits set", 12, None, False),
        ("throttled", 13, 20, False),
        ("run retry", 31, None, False),
    ]


def test_what_lasts_holds_now_only_if_the_queue_says_so() -> None:
    entries = entries_of([act(1, "page pause"), act(2, "page throttle"), act(3, "page resume")])
    assert [e.now for e in with_the_present(entries, [Cause("throttled", "")])] == [False, True]
    assert [e.now for e in with_the_present(entries, [])] == [False, False]
    assert [e.now for e in with_the_present(entries, None)] == [False, None]


def test_what_holds_now_and_has_no_known_beginning_is_said_too() -> None:
    causes = [Cause("page_paused", "by hand"), Cause("brake", "b"), Cause("retry", "3"), Cause("window", "w")]
    found = with_the_present([], causes, since=minute(4))
    assert [(e.what, e.scope, e.at, e.now) for e in found] == [
        ("page_paused", "page", None, True),
        ("brake", "run", minute(4), True),
    ]


words = st.sampled_from(
    [
        "page pause",
        "page resume",
        "run pause",
        "run resume",
        "limits reset",
        "run cancel",
        "run queue lost",
        "senders gone",
    ]
)


@given(st.lists(st.tuples(words | st.text(max_size=9), st.sampled_from(["ana", "source", "rule x", ""]), st.text())))
def test_no_order_of_acts_is_lost_or_raises(given_acts: list[tuple[str, str, str]]) -> None:
    acts = [act(n, what, who, detail=detail) for n, (what, who, detail) in enumerate(given_acts)]
    entries = entries_of(acts)
    told = {at for e in entries for at in (e.at, e.until) if at}
    ends_nothing = {"limits reset", "run cancel", "run resume"}
    assert {a.at for a in acts if a.what not in ends_nothing} <= told
    assert all(e.at is None or e.until is None or e.at <= e.until for e in entries)
