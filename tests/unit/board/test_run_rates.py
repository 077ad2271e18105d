"""How fast a run advances."""

from __future__ import annotations

import pytest

from ops.board.run_rates import Progress, RunRates
from ops.board.runs.run_counts import progress_of


def seen(*moments: tuple[float, int], since_s: float | None = 0.0) -> RunRates:
    """Return what is remembered of moments: Redis's clock, and how many had ended."""
    rates = RunRates()
    for at_s, ended in moments:
        rates.note({"run": Progress(ended, since_s)}, at_s)
    return rates


@pytest.mark.parametrize(("since_s", "rate"), [(50.0, 10.0), (None, 0.0), (100.0, 0.0)])
def test_a_run_seen_once_is_judged_by_the_time_since_it_was_taken(since_s: float | None, rate: float) -> None:
    rates = seen((100.0, 500), since_s=since_s)
    assert rates.rate("run") == rate
    assert rates.rate("another") == 0.0


def test_a_run_seen_twice_is_judged_by_what_was_seen() -> None:
    assert seen((100.0, 500), (102.0, 560)).rate("run") == 30.0


def test_only_the_last_half_minute_counts() -> None:
    moments = [(float(second), max(0, 10 * (second - 60))) for second in range(100)]
    assert seen(*moments).rate("run") == 10.0


def test_a_look_of_long_ago_counts_no_more() -> None:
    assert seen((100.0, 0), (101.0, 5000), (200.0, 6000), (202.0, 6020)).rate("run") == 10.0


def test_runs_looked_at_by_themselves_are_remembered_beside_the_others() -> None:
    rates = RunRates()
    for second in range(100, 110):
        rates.note({"busy": Progress(second, 0.0)}, float(second))
        rates.note({"run": Progress(20 * second, 0.0)}, second + 0.5)
    assert rates.rate("run") == 20.0
    assert rates.rate("busy") == 1.0
    rates.note({}, 200.0)
    assert rates.rate("busy") == 0.0


def test_outcomes_kept_from_a_lost_queue_were_not_made_by_this_one() -> None:
    fields = {"recipients": "0", "left": "0", "taken_at_ms": "100000"}
    rates = RunRates()
    rates.note({"run": progress_of(fields)}, 100.0)
    filled = {**fields, "recipients": "1000", "kept": "578", "left": "422"}
    rates.note({"run": progress_of(filled)}, 101.0)
    assert rates.rate("run") == 0.0
    rates.note({"run": progress_of({**filled, "left": "402"})}, 105.0)
    assert rates.rate("run") == 4.0


def test_a_recovered_run_seen_for_the_first_time_is_judged_by_what_it_did_since() -> None:
    rates = RunRates()
    fields = {"recipients": "1000", "kept": "578", "left": "322", "taken_at_ms": "100000"}
    rates.note({"run": progress_of(fields)}, 110.0)
    assert rates.rate("run") == 10.0


def test_a_run_put_into_another_queue_is_not_measured_across_both() -> None:
    rates = seen((100.0, 5), since_s=50.0)
    rates.note({"run": Progress(400, 101.0)}, 105.0)
    assert rates.rate("run") == 100.0


def test_a_restored_queue_is_measured_from_where_it_stands() -> None:
    assert seen((100.0, 500), (101.0, 510), (102.0, 100)).rate("run") == pytest.approx(100 / 102)
    assert seen((100.0, 500), (101.0, 510), (102.0, 100), (104.0, 140)).rate("run") == 20.0


def test_a_reading_that_comes_late_changes_nothing() -> None:
    assert seen((100.0, 500), (102.0, 560), (101.5, 540)).rate("run") == 30.0


def test_a_run_that_stands_still_has_no_rate() -> None:
    assert seen((100.0, 500), (110.0, 500)).rate("run") == 0.0
