"""What is shown of a run, from the registry's row, the log's figures and the queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.board.reading import Fields
from ops.board.run_rates import RunRates
from ops.board.runs.causes import Holding
from ops.board.runs.put_together import run_answer
from ops.board.runs.registry_row import RegistryRow
from ops.board.runs.run_answers import RunAnswer
from tests.unit.api.contents import process, sender
from tests.unit.board.runs.seen import NOW, NOW_S, ms, reading, run_fields

DAY = timedelta(days=1)


def row(**changes: Any) -> RegistryRow:
    values: dict[str, Any] = {
        **{"run_id": "r", "page_id": "100", "source": "source", "state": "active", "reason": None},
        **{"waits_for_recipients": False, "recipients": 10, "enqueued": True, "outcomes": {}, "priority": 0},
        **{"parent_run_id": None, "scheduled_at": None, "expires_at": None, "taken_at": NOW, "finished_at": None},
        **{"ended_as": None, "taken": True, "listed_at": NOW, "log": {}},
    }
    return RegistryRow(**{**values, **changes})


def shown(of: RegistryRow | None, fields: Fields | None = None, *, away: bool = False) -> RunAnswer:
    holding = None if away else Holding(reading(runs={} if fields is None else {"r": fields}))
    return run_answer("r", of, holding, RunRates(), NOW_S)


def test_queue_knows_better_than_the_registry_how_far_a_run_is() -> None:
    run = shown(row(log={"sent": 1}), run_fields(recipients="8", left="6", sent="2"))
    assert (run.recipients, run.left, run.progress, run.figures, run.logged) == (8, 6, 0.25, "queue", 1)
    assert run.outcomes is not None
    assert run.outcomes["sent"] == 2


def test_log_counts_once_it_has_an_outcome_of_every_recipient() -> None:
    finished = run_fields(state="finished", recipients="3", left="0", sent="2", unknown="1", ended_as="complete")
    behind = shown(row(log={"sent": 2, "retrying": 4}), finished)
    assert (behind.figures, behind.logged, behind.outcomes and behind.outcomes["unknown"]) == ("queue", 2, 1)
    complete = shown(row(log={"sent": 3, "retrying": 4}), finished)
    assert (complete.figures, complete.logged, complete.outcomes and complete.outcomes["sent"]) == ("log", 3, 3)


def test_run_of_a_lost_queue_shows_what_the_log_has_of_it_and_never_zeros() -> None:
    lost = shown(row(recipients=600, log={"sent": 578, "failed": 2}))
    assert (lost.status, [cause.cause for cause in lost.waiting_because]) == ("waiting", ["queue_lost"])
    assert (lost.recipients, lost.left, lost.progress, lost.figures) == (600, 20, 0.9667, "log")
    assert lost.outcomes is not None
    assert (lost.outcomes["sent"], lost.waits) == (578, {"queue_lost": 20})
    nothing_logged = shown(row(log={}))
    assert (nothing_logged.recipients, nothing_logged.left, nothing_logged.outcomes) == (10, None, None)
    half_filled = shown(row(state="enqueuing", recipients=0, enqueued=False, log={"sent": 5}))
    assert (half_filled.recipients, half_filled.left, half_filled.progress) == (None, None, None)


def test_what_only_the_queue_knows_is_unknown_while_it_is_away() -> None:
    run = shown(row(log=None), away=True)
    assert (run.status, run.may_go, run.waits, run.left, run.outcomes) == ("unknown", None, None, None, None)
    assert (run.rate_per_second, run.logged, run.waiting_because) == (None, None, [])
    assert shown(row(state="finished", outcomes={"sent": 10}, log=None), away=True).status == "finished"


@pytest.mark.parametrize(
    ("changes", "status", "cause"),
    [
        ({"state": "finished", "ended_as": "complete"}, "finished", None),
        ({"state": "finished", "ended_as": "cancelled"}, "cancelled", None),
        ({"state": "finished", "ended_as": "expired"}, "expired", None),
        ({"state": "finished"}, "finished", None),
        ({"state": "queue_lost", "reason": "the queue is gone"}, "waiting", "queue_lost"),
        ({"state": "queue_lost", "ended_as": "cancelled"}, "cancelled", None),
        ({"state": "refused", "reason": "no message"}, "refused", None),
        ({"state": "not_taken", "taken": False, "reason": "its status is Queued"}, "refused", None),
        ({"state": "waiting", "taken": False, "reason": "nobody can be seen"}, "waiting", "nobody_yet"),
        ({"state": "scheduled", "taken": False, "scheduled_at": NOW + DAY}, "scheduled", "scheduled"),
        ({"state": "scheduled", "taken": False, "scheduled_at": NOW - DAY}, "waiting", "run_processor"),
        ({"state": "submitted", "taken": False, "scheduled_at": NOW + DAY}, "scheduled", "scheduled"),
        ({"state": "submitted", "taken": False}, "waiting", "run_processor"),
        ({"state": "paused", "taken": False}, "waiting", "operator"),
        ({"state": "cancelled", "taken": False, "ended_as": "cancelled"}, "cancelled", None),
    ],
)
def test_run_without_jobs_in_a_queue_says_what_it_does(changes: dict[str, Any], status: str, cause: str | None) -> None:
    run = shown(row(**changes))
    assert run.state == changes["state"]
    assert (run.status, [one.cause for one in run.waiting_because]) == (status, [cause] if cause else [])


def test_run_that_is_due_later_says_when() -> None:
    [cause] = shown(row(state="scheduled", taken=False, scheduled_at=NOW + DAY, recipients=None)).waiting_because
    assert (cause.detail, cause.until) == ("it is due at 2027-01-16 08:00:00Z", NOW + DAY)


def test_no_run_processor_is_named_where_none_lives() -> None:
    alone = Holding(reading(processes=[process("s", at_ms=int(NOW_S * 1000), sender=sender())]))
    [cause] = run_answer("r", row(state="submitted", taken=False), alone, RunRates(), NOW_S).waiting_because
    assert cause.detail == "no run processor is alive to take it: start one with newar runs"


def test_run_that_is_filled_with_nobody_yet_says_for_whom_it_waits() -> None:
    waits = row(waits_for_recipients=True, reason="the source says 5 recipients, 0 can be seen")
    run = shown(waits, run_fields(state="enqueuing", recipients="0", left="0"))
    assert (run.status, run.waiting_because[0].cause) == ("waiting", "nobody_yet")
    assert run.waiting_because[0].detail == waits.reason
    assert shown(waits, run_fields()).status == "sending"  # it was gone before the first


@pytest.mark.parametrize("state", ["queue_lost", "finished", "refused"])
def test_the_registry_counts_where_another_queue_knows_the_id(state: str) -> None:
    assert shown(row(state=state), run_fields()).state == state


def test_nobody_has_counted_the_recipients_of_a_run_that_was_refused_at_once() -> None:
    run = shown(row(state="refused", recipients=0), None)
    assert (run.recipients, run.left, run.outcomes, run.progress) == (None, None, None, None)


@pytest.mark.parametrize(
    ("holder", "in_s", "soon"), [("hold:brake", 7_100, True), ("hold:brake", 7_300, False), ("x", 60, False)]
)
def test_held_run_that_expires_within_two_hours_is_shown_so(holder: str, in_s: int, soon: bool) -> None:
    run = shown(row(expires_at=NOW - DAY), run_fields(**{holder: "1", "expires_at_ms": ms(in_s)}))
    assert (run.expires_soon, run.expires_at) == (soon, NOW + timedelta(seconds=in_s))


@pytest.mark.parametrize("state", ["cancelled", "finished"])
def test_run_that_ends_is_not_paused_any_more(state: str) -> None:
    run = shown(row(), run_fields(state=state, **{"hold:operator": "1"}))
    assert (run.state, run.held_by) == (state, [])


def test_finished_run_is_shown_from_the_registry() -> None:
    run = shown(row(state="finished", outcomes={"sent": 10}))
    assert (run.left, run.progress, run.figures) == (0, 1.0, "registry")
    assert run.outcomes is not None
    assert run.outcomes["sent"] == 10
    assert shown(row(state="finished", outcomes={})).outcomes is None  # of 10 nobody knows what became


def test_moments_are_in_utc() -> None:
    assert datetime(2027, 1, 15, 8, tzinfo=UTC) == NOW
