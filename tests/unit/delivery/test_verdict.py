"""What an answer means beyond its message, as it is packed for the queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema.outcomes import ErrorClass, Outcome
from sender.delivery.after_answer import decide_lost
from sender.delivery.verdict import NO_ANSWER
from sender.graph.api.classify import Answer, classify
from sender.graph.api.usage import Usage
from tests.unit.delivery.endings import (
    NEAR,
    decided,
    final,
    job,
    least,
    middle,
    much,
    names_in,
    of_message,
    verdict,
)
from tests.unit.graph.api.responses import headers
from tests.unit.rules.tables import LOST, SENT, refused, sent, table_of

E = ErrorClass


@pytest.mark.parametrize(
    ("answer", "ms"),
    [
        (refused(613), 0),
        (refused(613, usage=Usage(page_percent=100, page_regain_s=600)), 600_000),
        (refused(613, usage=Usage(retry_after_s=30)), 30_000),
        (refused(613, usage=Usage(page_regain_s=20, retry_after_s=30)), 30_000),
        (refused(80006, usage=Usage(page_percent=100, page_regain_s=26 * 60)), 26 * 60_000),
        (refused(80006, usage=Usage(page_percent=100, page_regain_s=12 * 3600)), 12 * 3600_000),
        (sent(page=100), 0),
    ],
)
def test_how_long_meta_asks_to_be_left_alone_is_told(answer: Answer, ms: int) -> None:
    assert verdict(decided(answer))[2] == ms


def test_pauses_are_never_cut_short_by_jitter() -> None:
    told = [verdict(decided(refused(613, usage=NEAR), random=r))[3] for r in (least, middle, much)]
    assert told == [1.0, 1.05, 1.075]


@pytest.mark.parametrize(("percent", "pauses"), [(99, False), (100, True), (130, True)])
def test_a_full_pool_pauses_the_page_after_a_success(percent: float, pauses: bool) -> None:
    ending = decided(sent(page=percent))
    assert (of_message(ending), ending.letter) == (final(Outcome.SENT, None), "o")
    assert ("page-usage-100" in names_in(ending)) == pauses


def test_the_apps_pool_says_nothing_of_the_page() -> None:
    scopes = {scope for _, scope, *_ in verdict(decided(sent(app=100)))[4]}
    assert scopes == {"app"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(613), "code 613"),
        (refused(368, 1346003), "code 368/1346003"),
        (sent(page=100), "usage at 100 %"),
        (LOST, "HTTP 502, ambiguous"),
        (classify(502, headers({}), b"<html>"), "HTTP 502, the answer cannot be read"),
        (NO_ANSWER, "no answer"),
    ],
)
def test_the_error_is_named(answer: Answer, error: str) -> None:
    assert verdict(decided(answer))[0] == error


def test_a_verdict_has_all_that_the_settlement_judges_by() -> None:
    error, version, asked_ms, jitter, (rule, *others), text = verdict(
        decided(refused(190, 460, "expired"), token_version=7)
    )
    assert (error, version, asked_ms, jitter, text) == ("code 190/460", "7", 0, 1.0, "expired")
    assert rule == ["dead-token", "page", "breaker", 0, 0, 0.0, 0, 300_000, 3_600_000, 1.0]
    assert [(name, in_a_row) for name, *_, in_a_row, _, _, _ in others] == [("page-not-authorised", 5)]


def test_a_long_text_is_cut_and_a_missing_one_is_none() -> None:
    assert verdict(decided(refused(551, None, "x" * 1000)))[5] == "x" * 200
    assert verdict(decided(LOST))[5] == ""


def test_without_a_rule_only_what_equal_payload_errors_are_counted_by_is_told(tmp_path: Path) -> None:
    off = table_of(tmp_path, '[[rule]]\nname = "same-payload-error"\naction = "none"\n')
    assert verdict(decided(refused(100), rules=off))[:5] == ["code 100", "0", 0, 1.0, []]
    assert decided(refused(2)).verdict == b""
    assert decided(SENT).verdict == b""
    assert decided(sent(page=50)).verdict == b""


def test_what_was_lost_for_reasons_of_our_own_says_nothing_of_the_page() -> None:
    for policy in ("hold", "resend"):
        ending = decide_lost(job(), on_unknown=policy)
        assert (ending.letter, ending.verdict) == ("", b"")
