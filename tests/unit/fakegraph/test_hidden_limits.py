"""Hidden limits on a clock of our own: what is let through never exceeds what they add up to."""

from __future__ import annotations

from random import Random

import pytest

from ops.fakegraph.hidden_limits import HiddenLimits, LimitCounts
from ops.fakegraph.schedules import Schedule


def limits(per_s: float, burst_s: float = 0.5) -> HiddenLimits:
    return HiddenLimits({"100": Schedule((0.0,), (per_s,))}, burst_s, told_at_s=1000.0)


def test_a_burst_goes_through_and_then_as_many_as_the_limit_gives() -> None:
    hidden = limits(10.0)
    assert [hidden.refuse("100", 1000.0) for _ in range(7)] == [False] * 5 + [True] * 2
    assert [hidden.refuse("100", 1000.25) for _ in range(3)] == [False, False, True]
    assert hidden.counts(1000.25) == {"100": LimitCounts(7, 3, 2.5, 0.25, 10.0)}


def test_a_small_limit_still_lets_one_message_through() -> None:
    hidden = limits(0.1)
    assert [hidden.refuse("100", now_s) for now_s in (1000.0, 1009.0, 1020.0)] == [False, True, False]


def test_other_pages_have_the_limit_of_everybody_each_for_itself_or_none() -> None:
    everybody = HiddenLimits({"*": Schedule((0.0,), (2.0,)), "100": Schedule((0.0,), (0.0,))})
    assert [everybody.refuse(page, 5.0) for page in ("100", "100", "200", "200", "300")] == [
        *(False, True, False, True),  # whatever the limit: a bucket holds one message at first
        False,
    ]
    assert not any(limits(0.0).refuse("200", 1000.0) for _ in range(50))


def test_what_was_counted_is_forgotten_and_the_bucket_is_not() -> None:
    hidden = limits(2.0)
    assert [hidden.refuse("100", 1000.0) for _ in range(2)] == [False, True]
    hidden.forget()
    assert hidden.counts(1000.0) == {}
    assert hidden.refuse("100", 1000.1)
    assert hidden.counts(1000.1)["100"].seconds == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_no_more_than_possible_and_a_burst_gets_through_and_a_busy_page_uses_all_of_it(seed: int) -> None:
    dice = Random(seed)  # noqa: S311 - a test's dice
    steps = [(10.0 * i, dice.choice([5.0, 30.0, 12.0])) for i in range(10)]
    schedule = Schedule(tuple(s for s, _ in steps), tuple(v for _, v in steps), repeat_s=100.0)
    hidden = HiddenLimits({"100": schedule}, burst_s=0.5)
    now_s = 0.0
    while now_s < 300.0:
        hidden.refuse("100", now_s)
        now_s += dice.expovariate(200.0)
    counts = hidden.counts(now_s)["100"]
    assert 0.97 * counts.possible <= counts.let_through <= counts.possible + 15
    assert counts.refused > counts.let_through
