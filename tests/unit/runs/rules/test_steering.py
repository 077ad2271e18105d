"""What is changed in the queue when the source or the hour changes."""

from __future__ import annotations

import pytest

from schema.run import RunState
from sender.queue.run_queue import RunGlance
from sender.runs.rules.steering import steps


def known(state: RunState = RunState.ACTIVE, *held_by: str) -> RunGlance:
    return RunGlance(run_id="r", page_id="1", state=state, cursor="", enqueued=True, held_by=held_by)


@pytest.mark.parametrize(
    ("status", "hold_window", "held_by", "expected"),
    [
        ("queued", False, [], []),
        ("queued", True, ["window"], []),
        ("paused", False, ["source"], []),
        ("paused", False, [], ["hold source"]),
        ("queued", False, ["source"], ["let go source"]),
        ("queued", True, [], ["hold window"]),
        ("queued", False, ["window"], ["let go window"]),
        ("paused", True, [], ["hold source", "hold window"]),
        ("queued", False, ["operator"], []),
        ("cancelled", True, ["source"], ["cancel"]),
    ],
)
def test_only_differences_are_changed(status: str, hold_window: bool, held_by: list[str], expected: list[str]) -> None:
    assert steps(status, hold_window, known(RunState.ACTIVE, *held_by)) == expected


def test_expired_run_is_only_ever_cancelled() -> None:
    assert steps("cancelled", False, known(RunState.EXPIRED)) == ["cancel"]
    assert steps("paused", True, known(RunState.EXPIRED)) == []


@pytest.mark.parametrize("state", [RunState.CANCELLED, RunState.FINISHED])
@pytest.mark.parametrize("status", ["queued", "paused", "cancelled"])
def test_run_that_is_ending_is_left_alone(state: RunState, status: str) -> None:
    assert steps(status, True, known(state)) == []
