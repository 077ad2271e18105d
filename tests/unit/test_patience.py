"""Patience grows with the slowness of the machine, up to a limit, and is below the limit of a whole test."""

from __future__ import annotations

import signal

import pytest
import pytest_timeout

from tests.patience import LOOK_EVERY_S, LOOP_S, MOST, USUAL_S, Slowness, patience_s, slowness_of


@pytest.mark.parametrize(
    ("loop_s", "load", "cpus", "expected"),
    [
        (LOOP_S, 0.0, 2, 1.0),
        (LOOP_S / 3, 0.5, 2, 1.0),
        (6 * LOOP_S, 0.0, 2, 6.0),
        (LOOP_S, 12.0, 2, 6.0),
        (2 * LOOP_S, 6.0, 2, 3.0),
        (LOOP_S, 12.0, 16, 1.0),
        (100 * LOOP_S, 0.0, 2, MOST),
        (LOOP_S, 500.0, 2, MOST),
    ],
)
def test_slowness_is_the_worse_of_two_signs_within_limits(
    loop_s: float, load: float, cpus: int, expected: float
) -> None:
    assert slowness_of(loop_s, load, cpus) == pytest.approx(expected)


def test_the_machine_is_looked_at_again_after_some_seconds_and_its_worst_counts() -> None:
    now_s, measured = [100.0], [2.0, 6.0, 1.0]
    slow = Slowness(lambda: measured.pop(0), lambda: now_s[0])
    assert slow() == 2.0
    now_s[0] += LOOK_EVERY_S - 0.1
    assert slow() == 2.0
    now_s[0] += 0.1
    assert slow() == 6.0
    now_s[0] += LOOK_EVERY_S
    assert slow() == 6.0
    assert measured == []


def test_a_test_may_take_longer_than_its_patience(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("timeout")) > USUAL_S
    assert USUAL_S <= patience_s() <= USUAL_S * MOST


def test_the_limit_of_a_whole_test_grows_alike(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.standstill.slowness", lambda: 7.0)
    usual = pytest_timeout.Settings(30.0, "signal", func_only=False, disable_debugger_detection=False)
    request.config.hook.pytest_timeout_set_timer(item=request.node, settings=usual)  # this test's, until its end
    left_s, _ = signal.getitimer(signal.ITIMER_REAL)
    assert 30.0 < left_s <= 210.0
