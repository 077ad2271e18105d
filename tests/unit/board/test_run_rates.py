"""How fast a run advances."""

from __future__ import annotations

import pytest

from ops.board.run_rates import RunRates


def test_a_run_seen_once_is_judged_by_the_time_since_it_was_taken() -> None:
    rates = RunRates()
    rates.note({"run": 500}, 100.0)
    assert rates.rate("run", 50.0) == 10.0
    assert rates.rate("run", None) == 0.0
    assert rates.rate("run", 100.0) == 0.0
    assert rates.rate("another", 50.0) == 0.0


def test_a_run_seen_twice_is_judged_by_what_was_seen() -> None:
    rates = RunRates()
    rates.note({"run": 500}, 100.0)
    rates.note({"run": 560}, 102.0)
    assert rates.rate("run", 0.0) == 30.0


def test_only_the_last_half_minute_counts() -> None:
    rates = RunRates()
    for second in range(100):
        rates.note({"run": 0 if second < 60 else 10 * (second - 60)}, float(second))
    assert rates.rate("run", 0.0) == 10.0


def test_a_run_looked_at_by_itself_is_judged_by_those_looks_and_not_by_an_old_one() -> None:
    rates = RunRates()
    rates.note({"run": 0, "other": 0}, 100.0)
    rates.note({"run": 5000, "other": 5}, 101.0)
    rates.note_one("run", 6000, 200.0)
    rates.note_one("run", 6020, 202.0)
    assert rates.rate("run", None) == 10.0
    assert rates.rate("other", 0.0) == 0.0


def test_a_run_that_is_no_longer_there_is_forgotten() -> None:
    rates = RunRates()
    rates.note({"run": 500}, 100.0)
    rates.note({}, 101.0)
    rates.note({"run": 600}, 102.0)
    assert rates.rate("run", 42.0) == 10.0


@pytest.mark.parametrize("later", [400, 500])
def test_a_run_never_goes_backwards(later: int) -> None:
    rates = RunRates()
    rates.note({"run": 500}, 100.0)
    rates.note({"run": later}, 110.0)
    assert rates.rate("run", 0.0) == 0.0
