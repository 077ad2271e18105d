"""How often somebody may do a thing, and when again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.access import allowance
from ops.access.allowance import Allowance

AT_ONCE, EVERY_S = 100, 0.1


def done(of: Allowance, name: str, now_s: float, *, tries: int = 2 * AT_ONCE) -> int:
    """Try it as often; return how often it may be done."""
    count = 0
    for _ in range(tries):
        if not of.wait_s(name, now_s):
            of.spend(name, now_s)
            count += 1
    return count


def test_some_are_allowed_at_once_and_then_one_in_a_while() -> None:
    found = Allowance(AT_ONCE, EVERY_S)
    assert done(found, "a", 100.0) == AT_ONCE
    assert found.wait_s("a", 100.0) == pytest.approx(EVERY_S)
    assert done(found, "a", 101.05) == 10
    assert AT_ONCE - 1 <= done(found, "a", 1000.0) <= AT_ONCE  # as floats add up
    assert done(found, "b", 100.0) == AT_ONCE


def test_what_is_dear_counts_several_times() -> None:
    found = Allowance(AT_ONCE, EVERY_S)
    found.spend("a", 0.0, 40)
    assert done(found, "a", 0.0) == AT_ONCE - 40


def test_one_that_takes_no_time_may_be_done_for_ever() -> None:
    found = Allowance(1, 0.0)
    assert done(found, "a", 0.0) == 2 * AT_ONCE


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 5)), max_size=200))
def test_nobody_gets_more_than_what_is_theirs(steps: list[tuple[int, float]]) -> None:
    found, now_s, got = Allowance(AT_ONCE, EVERY_S), 0.0, [0, 0, 0, 0]
    for client, later_s in steps:
        now_s += later_s
        got[client] += done(found, str(client), now_s, tries=1)
    assert max(got) <= AT_ONCE + now_s / EVERY_S + 1


def test_many_names_take_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "MOST", 10)
    found = Allowance(AT_ONCE, EVERY_S)
    for n in range(1000):
        found.spend(str(n), 0.0)
    assert len(found._full_at) == 10
