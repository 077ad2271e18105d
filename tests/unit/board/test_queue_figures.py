"""From what Redis said to answers about the queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.board import queue_figures
from ops.board.reading import Fields, Reading
from ops.board.run_rates import RunRates
from ops.board.runs.causes import Holding
from ops.board.runs.run_answers import Brake, RunAnswer
from ops.board.runs.run_counts import progress_of
from sender.queue.survey import Unfinished

NOW_S = 1_800_000_000.0
NOW = datetime.fromtimestamp(NOW_S, UTC)


def reading(**fields: Any) -> Reading:
    nothing: dict[str, Any] = {
        **{name: [] for name in ("unfinished", "newest_runs", "snapshots", "failures")},
        **{name: {} for name in ("runs", "pages", "breakers", "app")},
        **dict.fromkeys(("delayed", "leased", "marked", "outbox"), 0),
    }
    return Reading(**{"at_s": NOW_S, "claimable_since_s": None, **nothing, **fields})


def ms(seconds_from_now: float) -> str:
    return str(int((NOW_S + seconds_from_now) * 1000))


def fields(**changes: str) -> Fields:
    values = {"page": "7", "state": "active", "recipients": "100", "left": "40", "taken_at_ms": ms(-6), "sent": "60"}
    return {**values, **changes}


def shown(run: Fields, rates: RunRates) -> RunAnswer:
    return queue_figures.run("a", Holding(reading(runs={"a": run})), rates)


def test_waiting_is_what_is_left_and_neither_leased_nor_delayed() -> None:
    unfinished = [Unfinished(run_id="a", page_id="7", left=40), Unfinished(run_id="b", page_id="8", left=2)]
    state = reading(
        unfinished=unfinished,
        runs={"a": fields(), "b": fields(left="2")},
        pages={"7": {}, "8": {}},
        delayed=5,
        leased=10,
        marked=4,
        outbox=3,
        claimable_since_s=NOW_S - 2.5,
    )
    answer = queue_figures.queue(Holding(state), RunRates())
    assert (answer.waiting, answer.delayed, answer.leased, answer.marked, answer.outbox) == (27, 5, 10, 4, 3)
    assert answer.oldest_claimable_age_s == 2.5
    assert [run.run_id for run in answer.runs] == ["a", "b"]
    assert [(page.page_id, page.left, page.runs) for page in answer.pages] == [("7", 40, 1), ("8", 2, 1)]


def test_nothing_is_claimable_while_the_app_rests() -> None:
    state = reading(claimable_since_s=NOW_S - 60, app={"paused_until_ms": ms(10), "pause_reason": "rate_limit_app"})
    assert queue_figures.queue(Holding(state), RunRates()).oldest_claimable_age_s == 0.0
    assert queue_figures.breakers(state).app.reason == "rate_limit_app"


def test_a_pause_that_is_over_is_not_shown() -> None:
    page = {"paused_until_ms": ms(-1), "pause_reason": "rate_limit_page"}
    state = reading(unfinished=[Unfinished(run_id="a", page_id="7", left=1)], runs={"a": fields()}, pages={"7": page})
    answer = queue_figures.queue(Holding(state), RunRates()).pages[0]
    assert (answer.paused_until, answer.pause_reason) == (None, None)


def test_a_run_tells_its_progress_rate_and_time_left() -> None:
    rates = RunRates()
    rates.note({"a": progress_of(fields())}, NOW_S)
    run = shown(fields(), rates)
    assert (run.progress, run.rate_per_second, run.eta_s) == (0.6, 10.0, 4.0)
    assert run.outcomes is not None
    assert run.outcomes["sent"] == 60
    assert run.taken_at == datetime.fromtimestamp(NOW_S - 6, UTC)


@pytest.mark.parametrize("changes", [{"state": "enqueuing"}, {"hold:operator": "1"}, {"left": "0"}])
def test_a_run_whose_end_cannot_be_known_has_no_time_left(changes: dict[str, str]) -> None:
    rates = RunRates()
    rates.note({"a": progress_of(fields())}, NOW_S)
    assert shown(fields(**changes), rates).eta_s is None


def test_a_held_run_is_paused_and_says_by_whom() -> None:
    run = shown(fields(**{"hold:source": "1", "hold:window": "1"}), RunRates())
    assert (run.state, run.held_by) == ("paused", ["source", "window"])


def test_a_braked_run_says_by_which_rule_and_why() -> None:
    brake = {"hold:brake": "1", "brake_rule": "content-reported", "brake_reason": "code 368", "brake_at_ms": ms(-60)}
    run = shown(fields(**brake), RunRates())
    assert (run.state, run.held_by) == ("paused", ["brake"])
    assert run.brake == Brake(rule="content-reported", reason="code 368", since=NOW - timedelta(minutes=1))
    assert shown(fields(**brake, state="cancelled"), RunRates()).brake is None


@pytest.mark.parametrize(
    ("holder", "in_s", "soon"), [("hold:operator", 7_100, True), ("hold:operator", 7_300, False), ("x", 60, False)]
)
def test_a_held_run_that_expires_soon_is_shown_so(holder: str, in_s: int, soon: bool) -> None:
    held = fields(**{holder: "1", "expires_at_ms": ms(in_s)})
    assert shown(held, RunRates()).expires_soon is soon


def test_braked_runs_are_counted_though_they_are_not_listed() -> None:
    unfinished = [Unfinished(run_id=str(n), page_id="7", left=0, braked=n % 2 == 0) for n in range(250)]
    state = reading(unfinished=unfinished, runs={str(n): fields() for n in range(250)}, pages={"7": {}})
    assert queue_figures.queue(Holding(state), RunRates()).runs_braked == 125


@pytest.mark.parametrize(("until", "by_hand"), [("9999999999999", True), (ms(60), False), (ms(-1), False)])
def test_a_pause_of_everything_says_whether_a_person_has_made_it(until: str, by_hand: bool) -> None:
    state = reading(app={"paused_until_ms": until, "pause_reason": "whatever"})
    assert queue_figures.queue(Holding(state), RunRates()).app.by_hand is by_hand
    assert queue_figures.breakers(state).app.by_hand is by_hand


def test_a_finished_run_is_complete_even_without_recipients() -> None:
    finished = {"state": "finished", "ended_as": "complete", "finished_at_ms": ms(0)}
    run = shown(finished, RunRates())
    assert (run.progress, run.rate_per_second, run.finished_at, run.ended_as) == (1.0, 0.0, NOW, "complete")


def test_breakers_that_are_not_closed_are_listed() -> None:
    page = {"reason": "auth_page", "failures": "5", "opened_at_ms": ms(0), "retry_at_ms": ms(300)}
    state = reading(breakers={"7": "open", "8": "half_open", "9": "open"}, pages={"7": page, "8": {}, "9": {}})
    answer = queue_figures.breakers(state)
    assert (answer.open, answer.half_open) == (2, 1)
    first = answer.pages[0]
    assert (first.page_id, first.state, first.reason, first.failures) == ("7", "open", "auth_page", 5)
    assert first.opened_at == NOW
    assert first.retry_at is not None
    assert (first.retry_at - NOW).total_seconds() == 300


def test_failures_that_cannot_be_decoded_are_left_out() -> None:
    assert queue_figures.failures(reading(failures=[b"{}", b"\xff", b"nonsense"]), 10) == []
