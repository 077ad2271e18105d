"""Why a page is as fast as it is, in words, from what the queue says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.board.limit_answers import LimitsAnswer
from ops.board.page_limits import KnownDefaults, defaults_of, explained, in_words
from sender.queue.limit_queue import Defaults, Explained
from sender.rules.rule_table import load
from tests.unit.api.contents import process, sender

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
NOW_US = int(NOW.timestamp() * 1e6)
BY_HAND = "9999999999999"
DEFAULTS = KnownDefaults(Defaults(text=50, media=10, app=0), "senders")
WORDS = in_words(load(None, 5, 300_000).rules)


def us(seconds: float) -> str:
    return str(NOW_US + int(seconds * 1e6))


def ms(seconds: float) -> str:
    return str(NOW_US // 1000 + int(seconds * 1000))


def answer(app: dict[str, str] | None = None, **page: str) -> LimitsAnswer:
    lanes = {"text_limit": "50", "text_now": "50", "text_rate": "0", "text_runs": "1"}
    lanes |= {"media_limit": "10", "media_now": "10", "media_rate": "0", "media_runs": "0"}
    found = Explained(
        now_us=NOW_US, app={"limit": "", "now": "", "rate": "0", **(app or {})}, pages={"7": {**lanes, **page}}
    )
    return explained("7", found, DEFAULTS, WORDS)


def because(one: LimitsAnswer) -> list[tuple[str, str, str | None, bool]]:
    return [(s.scope, s.what, s.rule, s.by_hand) for s in one.because]


def test_nothing_slows_an_untouched_page() -> None:
    one = answer()
    assert one.because == []
    assert [(lane.limit, lane.limit_from, lane.now_per_s, lane.runs) for lane in one.lanes] == [
        (50, "senders", 50, 1),
        (10, "senders", 10, 0),
    ]
    assert (one.app.limit, one.app.now_per_s) == (None, None)


def test_a_page_that_was_throttled_says_by_which_rule_and_when_it_is_whole_again() -> None:
    one = answer(pace="0.5", pace_rule="throttled-pace", text_now="12", full_us=us(40), answers="ootttott")
    [slow] = one.because
    assert (slow.what, slow.rule, slow.effect) == ("pace", "throttled-pace", "24% of the limit now, growing")
    assert slow.until == NOW + timedelta(seconds=40)
    assert (slow.rule_in_words or "").startswith("throttled-pace: class rate_limit_page, code 613")
    assert one.last_answers == {"well": 3, "page_throttled": 5}


def test_a_pace_that_does_not_grow_for_a_while_says_so() -> None:
    [slow] = answer(pace="0.5", text_now="12", hold_until_us=us(30)).because
    assert slow.effect == "24% of the limit now, not growing before 12:00:30Z"


def test_a_pace_that_is_whole_slows_nothing() -> None:
    assert answer(pace="0.9", pace_rule="throttled-pace", text_now="50").because == []


def test_a_ceiling_ends_by_itself() -> None:
    [slow] = answer(ceiling="0.1", ceiling_rule="page-usage-95", ceiling_until_us=us(60), text_now="5").because
    assert (slow.what, slow.effect, slow.until) == ("ceiling", "at most 10% of the limit", NOW + timedelta(minutes=1))
    assert answer(ceiling="0.1", ceiling_rule="page-usage-95", ceiling_until_us=us(-1)).because == []


def test_a_pause_stops_the_page() -> None:
    one = answer(paused_until_ms=ms(60), pause_reason="code 613", pause_rule="throttled-pause", probe="due")
    [slow] = one.because
    assert (slow.what, slow.effect, slow.reason) == ("pause", "nothing is sent", "code 613")
    assert [lane.now_per_s for lane in one.lanes] == [0, 0]


@pytest.mark.parametrize(
    ("probe", "paused_s", "effect"),
    [("due", -1, "one message goes first"), ("out", 20, "one message is on its way")],
)
def test_after_a_pause_one_message_goes_first(probe: str, paused_s: float, effect: str) -> None:
    [slow] = answer(paused_until_ms=ms(paused_s), probe=probe, pause_rule="throttled-pause").because
    assert (slow.what, slow.effect.startswith(effect)) == ("probe", True)


def test_a_pause_by_hand_names_no_rule_and_no_end() -> None:
    one = answer(paused_until_ms=BY_HAND, pause_reason="by hand")
    assert because(one) == [("page", "pause", None, True)]
    assert one.because[0].until is None


@pytest.mark.parametrize(
    ("fields", "effect"),
    [
        ({"breaker": "open", "retry_at_ms": ms(60)}, "nothing is sent"),
        ({"breaker": "open", "retry_at_ms": ms(-1)}, "one message goes first, the others wait for its answer"),
        ({"breaker": "half_open", "retry_at_ms": ms(9)}, "one message is on its way, the others wait for its answer"),
    ],
)
def test_a_breaker_says_what_it_does_now(fields: dict[str, Any], effect: str) -> None:
    [slow] = answer(**fields, reason="code 190", breaker_rule="token-invalid").because
    assert (slow.what, slow.effect, slow.reason, slow.rule) == ("breaker", effect, "code 190", "token-invalid")


def test_a_limit_set_by_hand_is_told_with_its_end() -> None:
    one = answer(set_limit="12.5", set_limit_until_ms=ms(3600), text_limit="12.5", text_now="12.5")
    assert [lane.limit_from for lane in one.lanes] == ["by_hand", "senders"]
    assert because(one) == [("page", "set_limit", None, True)]
    assert one.because[0].until == NOW + timedelta(hours=1)
    assert answer(set_limit="12.5", set_limit_until_ms=ms(-1)).because == []


def test_the_sources_limit_is_named_as_such() -> None:
    assert answer(limit_text="50").lanes[0].limit_from == "source"


def test_what_slows_everything_comes_after_the_pages_own() -> None:
    app = {"paused_until_ms": BY_HAND, "pause_reason": "by hand", "answers": "ll"}
    one = answer(app, pace="0.5", pace_rule="throttled-pace", text_now="12")
    assert because(one) == [("page", "pace", "throttled-pace", False), ("app", "pause", None, True)]
    assert [lane.now_per_s for lane in one.lanes] == [0, 0]
    assert one.last_app_answers == {"app_throttled": 2}


@pytest.mark.parametrize(("limit", "now", "slowed"), [("", "12", True), ("100", "12", True), ("100", "100", False)])
def test_the_apps_pace_is_told_with_and_without_a_limit_of_its_own(limit: str, now: str, slowed: bool) -> None:
    one = answer({"pace_rate": "17", "pace_rule": "app-limit-pace", "limit": limit, "now": now})
    assert because(one) == ([("app", "pace", "app-limit-pace", False)] if slowed else [])


def test_the_default_limits_are_those_that_senders_report() -> None:
    def told(text: int, app: int) -> dict[str, int | float | str]:
        return {
            "rate_limit_per_page": text,
            "rate_limit_per_page_media": 10,
            "rate_limit_max_jobs_per_second": app,
        }

    old = process("old", sender=sender())
    assert defaults_of([old]) == KnownDefaults(Defaults(text=50, media=10, app=0), "default")
    one, other = (
        process("a", sender=sender(), settings=told(40, 0)),
        process("b", sender=sender(), settings=told(30, 9)),
    )
    assert defaults_of([old, one]) == KnownDefaults(Defaults(text=40, media=10, app=0), "senders")
    assert defaults_of([one, other]) == KnownDefaults(Defaults(text=30, media=10, app=9), "senders", differ=True)
