"""What makes runs wait, in plain words with figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ops.board.run_rates import RunRates
from ops.board.runs.causes import Holding
from ops.board.runs.put_together import run_answer, total
from ops.board.runs.run_answers import Cause, RunAnswer
from sender.queue.limit_queue import Explained
from tests.unit.api.contents import process, sender
from tests.unit.board.runs.seen import NOW, NOW_S, jobs, ms, reading, run_fields

SOON = NOW + timedelta(seconds=60)
AT, AT_US = "2027-01-15 08:01:00Z", f"{NOW_S + 60:.0f}000000"
BY_HAND = "9999999999999"
AT_MS = int(NOW_S * 1000)


def shown(run: dict[str, str] | None = None, **of: Any) -> RunAnswer:
    return run_answer("r", None, Holding(reading(runs={"r": run_fields(**(run or {}))}, **of)), RunRates(), NOW_S)


def senders(*down: bool, outbox_limit: int = 100) -> list[Any]:
    return [
        process(f"s{n}", at_ms=AT_MS, sender=sender(graph_down=one), settings={"outbox_limit": outbox_limit})
        for n, one in enumerate(down)
    ]


@pytest.mark.parametrize(
    ("of", "cause"),
    [
        ({"processes": []}, Cause("no_sender", "no sender is alive: start one with newar sender")),
        (
            {"processes": senders(False), "app": {"outbox": "1234"}},
            Cause(
                "outbox_full",
                "1,234 events wait for the broker, and at most 100 may (OUTBOX_LIMIT): nothing is claimed",
            ),
        ),
        (
            {"processes": senders(True, True)},
            Cause("graph_down", "no sender reaches the Graph API; each tries again with one message at a time"),
        ),
        (
            {"app": {"paused_until_ms": BY_HAND, "pause_reason": "by hand", "paused_by": "ann@desk"}},
            Cause("app_paused", "everything is paused by ann@desk: newar resume --all lets it go on"),
        ),
        (
            {"app": {"paused_until_ms": ms(60), "pause_reason": "code 4", "pause_rule": "app-limit"}},
            Cause("app_paused", f"everything is paused by the rule app-limit until {AT}: code 4", SOON),
        ),
        (
            {"pages": {"100": {"paused_until_ms": BY_HAND, "pause_reason": "by hand"}}},
            Cause("page_paused", "the page is paused by hand: newar page resume 100 lets it go on"),
        ),
        (
            {"pages": {"100": {"paused_until_ms": ms(60), "pause_reason": "code 80006", "pause_rule": "page-limit"}}},
            Cause("page_paused", f"the page is paused by the rule page-limit until {AT}: code 80006", SOON),
        ),
        (
            {
                "pages": {
                    "100": {
                        "breaker": "open",
                        "reason": "auth_page",
                        "breaker_rule": "page-fails",
                        "retry_at_ms": ms(60),
                    }
                }
            },
            Cause(
                "breaker",
                f"the page's breaker is open by the rule page-fails: auth_page; one message tries again at {AT}",
                SOON,
            ),
        ),
        (
            {"pages": {"100": {"breaker": "half_open", "reason": "auth_page", "retry_at_ms": ms(60)}}},
            Cause("breaker", "one message tries whether the page works again: auth_page", SOON),
        ),
        (
            {"pages": {"100": {"breaker": "open", "reason": "by hand", "retry_at_ms": BY_HAND}}},
            Cause("breaker", "the page's breaker is open: by hand; newar page breaker 100 close lets it go on"),
        ),
        (
            {"run": {"hold:operator": "ann@desk"}},
            Cause("operator", "paused by ann@desk: newar run resume r lets it go on"),
        ),
        ({"run": {"hold:operator": "1"}}, Cause("operator", "paused by hand: newar run resume r lets it go on")),
        ({"run": {"hold:source": "1"}}, Cause("source", "its source says that it is paused")),
        (
            {"run": {"hold:registry": "1"}},
            Cause("registry", "another queue holds it, or it was finished there, as the run registry says"),
        ),
        (
            {"run": {"hold:brake": "1", "brake_rule": "reported", "brake_reason": "code 368", "brake_at_ms": ms(0)}},
            Cause(
                "brake",
                "braked by the rule reported since 2027-01-15 08:00:00Z: code 368; newar run resume r lets it go on",
            ),
        ),
        (
            {"run": {"hold:window": "1", "opens_ms": ms(60)}},
            Cause("window", f"its hours open at {AT}", SOON),
        ),
        ({"run": {"hold:window": "1"}}, Cause("window", "it is outside its hours")),
    ],
)
def test_what_holds_a_run_is_named_with_its_figures_and_its_end(of: dict[str, Any], cause: Cause) -> None:
    run = shown(**of)
    assert (run.status, run.waiting_because) == ("waiting", [cause])
    assert (run.may_go, run.waits) == (0, {cause.cause: 40})


@pytest.mark.parametrize(
    "of",
    [
        {},
        {"processes": senders(True, False)},
        {"processes": senders(False, outbox_limit=100), "app": {"outbox": "99"}},
        {"app": {"outbox": "99999"}},  # of senders that do not tell their bound the default counts
        {"app": {"paused_until_ms": ms(-1), "pause_reason": "over"}},
        {"pages": {"100": {"paused_until_ms": ms(-1)}}},
        {"pages": {"100": {"breaker": "closed"}}},
        {"pages": {"7": {"breaker": "open"}}},
    ],
)
def test_what_is_over_or_anothers_holds_nothing(of: dict[str, Any]) -> None:
    run = shown(**of)
    assert (run.status, run.waiting_because, run.may_go, run.waits) == ("sending", [], 40, {})


def explained(**page: str) -> Explained:
    return Explained(now_us=int(NOW_S * 1e6), app={}, pages={"100": page})


@pytest.mark.parametrize(
    ("page", "detail"),
    [
        (
            {"pace": "0.3", "pace_rule": "page-throttled", "text_now": "12", "text_limit": "40", "full_us": AT_US},
            f"the page is throttled to 12/s by the rule page-throttled until {AT} (30% of the limit now, growing)",
        ),
        (
            {"set_limit": "12", "set_limit_until_ms": ms(60), "text_now": "12", "text_limit": "12"},
            f"the page is throttled to 12/s by hand until {AT} (12/s instead of its own limit)",
        ),
        (
            {
                "ceiling": "0.3",
                "ceiling_until_us": AT_US,
                "ceiling_rule": "usage",
                "text_now": "12",
                "text_limit": "40",
            },
            f"the page is throttled to 12/s by the rule usage until {AT} (at most 30% of the limit)",
        ),
    ],
)
def test_throttled_page_says_to_what_by_which_rule_and_until_when(page: dict[str, str], detail: str) -> None:
    of: dict[str, Any] = {"limits": explained(**page), "pages": {"100": {"slowed": "1", "limit_text": "40"}}}
    run = shown(**of)
    [cause] = run.waiting_because
    assert cause.detail == detail
    assert (cause.cause, cause.until, run.status, run.may_go, run.waits) == (
        "throttled",
        SOON,
        "waiting",
        12,
        {"throttled": 28},
    )
    assert shown(run={"left": "9"}, **of).status == "sending"  # they all fit into a second


def test_a_limit_set_above_its_own_holds_nothing() -> None:
    page = {"set_limit": "80", "set_limit_until_ms": ms(60), "text_now": "80", "text_limit": "80"}
    run = shown(limits=explained(**page), pages={"100": {"slowed": "1", "limit_text": "40"}})
    assert (run.status, run.waiting_because) == ("sending", [])


def test_of_several_causes_the_strongest_comes_first_and_has_the_messages() -> None:
    run = shown(
        run={"hold:operator": "1", "hold:window": "1"},
        processes=[],
        pages={"100": {"breaker": "open", "retry_at_ms": ms(60), "paused_until_ms": ms(60)}},
    )
    assert [one.cause for one in run.waiting_because] == ["operator", "no_sender", "page_paused", "breaker", "window"]
    assert run.waits == {"operator": 40}


def test_draining_waits_for_what_stops_every_service_and_for_no_pause() -> None:
    of = {"pages": {"100": {"paused_until_ms": ms(60)}}, "app": {"paused_until_ms": ms(60)}}
    run = shown(run={"state": "cancelled", "hold:operator": "1"}, **of)
    assert (run.status, run.waiting_because, run.waits) == ("draining", [], {"drain": 40})
    assert [one.cause for one in shown(run={"state": "cancelled"}, processes=[], **of).waiting_because] == ["no_sender"]


def test_everything_together_is_what_the_runs_are() -> None:
    held, free, other = run_fields(), run_fields(), run_fields(page="7")
    state = reading(
        unfinished=[
            jobs("held", held, held_by=("source",)),
            jobs("free", free, left=45),
            jobs("closed", free, parked_until_ms=(NOW_S + 3600) * 1000),
            jobs("turn", free, parked_until_ms=(NOW_S + 1) * 1000),
            jobs("other", other),
        ],
        breakers={"7": "open"},
        runs={"free": free},
    )
    whole = total(Holding(state))
    assert (whole.may_go, whole.in_flight) == (80, 0)
    assert whole.waits == {"source": 40, "retry": 5, "window": 40, "breaker": 40}
