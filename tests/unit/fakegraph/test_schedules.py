"""Values by schedule, and what rates add up to, on times of our own."""

from __future__ import annotations

import pytest

from ops.fakegraph.schedules import Plan, Repeating, Schedule, Told, area, read_schedule

FALLING = Schedule((0.0, 10.0, 20.0), (30.0, 9.0, 30.0))
REPEATING = Schedule((0.0, 10.0), (30.0, 10.0), repeat_s=20.0)


def test_each_step_holds_until_the_next_and_the_last_for_good() -> None:
    assert [FALLING.at(s) for s in (0, 9.9, 10, 19.9, 20, 1000)] == [30, 30, 9, 9, 30, 30]


def test_steps_that_repeat_begin_anew() -> None:
    assert [REPEATING.at(s) for s in (0, 10, 19.9, 20, 30, 45)] == [30, 10, 10, 30, 10, 30]


@pytest.mark.parametrize(
    ("schedule", "from_s", "to_s", "expected"),
    [
        (Schedule((0.0,), (7.0,)), 3, 5, 14),
        (FALLING, 0, 30, 690),
        (FALLING, 5, 15, 195),
        (FALLING, 12, 13, 9),
        (REPEATING, 0, 20, 400),
        (REPEATING, 15, 45, 50 + 400 + 150),
        (REPEATING, 20, 20, 0),
    ],
)
def test_a_rate_adds_up_over_its_steps(schedule: Schedule[float], from_s: float, to_s: float, expected: float) -> None:
    assert area(schedule, from_s, to_s) == pytest.approx(expected)


def no_text(told: Told) -> str:
    return "is no number" if isinstance(told, str) else ""


@pytest.mark.parametrize(
    ("plan", "what"),
    [
        ([], "must begin at 0"),
        ([(1.0, 5.0)], "must begin at 0"),
        ([(0.0, 5.0), (3.0, 1.0), (3.0, 2.0)], "follow each other"),
        (Repeating([(0.0, 5.0), (3.0, 1.0)], repeat_s=3.0), "repeat_s"),
        ([(0.0, 5.0), (3.0, "x")], "'x' is no number"),
    ],
)
def test_an_impossible_plan_is_told_with_where_it_stands(plan: Plan, what: str) -> None:
    problems: list[str] = []
    read_schedule(plan, "usage of '100'", no_text, problems)
    assert len(problems) == 1
    assert problems[0].startswith("usage of '100': ")
    assert what in problems[0]
