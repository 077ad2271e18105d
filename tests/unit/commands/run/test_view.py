"""What is shown of a run, from the registry's row and the queue's facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.commands.run.view import view
from schema.run import RunState
from sender.queue.run_queue import RunFacts

TAKEN = datetime(2026, 11, 22, 12, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    return {
        **{"run_id": "r", "page_id": "100", "source": "source", "state": "active", "reason": None},
        **{"recipients": 10, "outcomes": {}, "priority": 0, "parent_run_id": None},
        **{"scheduled_at": None, "expires_at": None, "taken_at": TAKEN, "finished_at": None},
        **changes,
    }


def facts(**changes: Any) -> RunFacts:
    values: dict[str, Any] = {
        **{"run_id": "r", "page_id": "100", "state": RunState.ACTIVE, "cursor": "", "enqueued": True},
        **{"recipients": 8, "left": 6, "outcomes": {"sent": 2}, "held_by": [], "content": "text", "priority": 0},
        "finished_at_ms": None,
    }
    return RunFacts(**values | changes)


def test_queue_knows_better_than_the_registry_how_far_a_run_is() -> None:
    shown = view(row(), facts())
    assert (shown.recipients, shown.left, shown.progress, shown.outcomes) == (8, 6, 0.25, {"sent": 2})


def test_run_that_somebody_holds_is_paused() -> None:
    shown = view(row(), facts(held_by=["operator", "window"]))
    assert (shown.state, shown.held_by) == ("paused", ["operator", "window"])


def test_run_outside_its_hours_is_paused_by_its_window() -> None:
    shown = view(row(), facts(held_by=["registry"], closed=True))
    assert (shown.state, shown.held_by) == ("paused", ["window", "registry"])
    assert view(row(), facts(state=RunState.EXPIRED, closed=True)).held_by == []


def test_run_that_a_brake_holds_says_which_rule_has_set_it() -> None:
    brake = {"brake_rule": "content-reported", "brake_reason": "368/1346003", "brake_at_ms": 1_800_000_000_000}
    shown = view(row(), facts(held_by=["brake"], **brake))
    assert (shown.state, shown.brake_rule, shown.brake_reason) == ("paused", "content-reported", "368/1346003")
    assert shown.brake_at == datetime.fromtimestamp(1_800_000_000, UTC)


@pytest.mark.parametrize(
    ("held_by", "minutes", "soon"), [(["brake"], 119, True), (["brake"], 121, False), ([], 1, False)]
)
def test_held_run_that_expires_within_two_hours_is_shown_so(held_by: list[str], minutes: int, soon: bool) -> None:
    expires_at = TAKEN + timedelta(minutes=minutes)
    in_queue = facts(held_by=held_by, expires_at_ms=int(expires_at.timestamp() * 1000))
    shown = view(row(expires_at=TAKEN), in_queue, TAKEN)
    assert (shown.expires_soon, shown.expires_at) == (soon, expires_at)


@pytest.mark.parametrize("state", [RunState.CANCELLED, RunState.FINISHED])
def test_run_that_ends_is_not_paused_any_more(state: RunState) -> None:
    shown = view(row(), facts(state=state, held_by=["operator"]))
    assert (shown.state, shown.held_by) == (state, [])


def test_lost_run_stays_lost_though_another_queue_may_know_its_id() -> None:
    assert view(row(state="queue_lost"), facts()).state == "queue_lost"


def test_finished_run_is_shown_from_the_registry() -> None:
    shown = view(row(state="finished", outcomes={"sent": 10}), None)
    assert (shown.left, shown.progress, shown.outcomes) == (0, 1.0, {"sent": 10})


def test_run_finished_in_the_queue_and_not_yet_noted_is_finished() -> None:
    shown = view(row(), facts(state=RunState.FINISHED, left=0, finished_at_ms=1_800_000_000_000))
    assert shown.finished_at == datetime.fromtimestamp(1_800_000_000, UTC)


@pytest.mark.parametrize(("state", "progress"), [("refused", 0.0), ("submitted", 0.0), ("finished", 1.0)])
def test_progress_of_a_run_without_recipients(state: str, progress: float) -> None:
    assert view(row(state=state, recipients=0), None).progress == progress
