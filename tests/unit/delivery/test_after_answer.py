"""What follows from each kind of answer: for its message, and which rules it fits."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from schema.outcomes import ErrorClass, Outcome
from sender.delivery.after_answer import OnUnknown, decide_lost, decide_missing
from sender.graph.api.classify import Answer, classify
from sender.graph.api.usage import Usage
from sender.outbox.ending import Ending
from tests.unit.delivery.endings import (
    NEAR,
    RULES,
    UNREADABLE,
    OfMessage,
    back,
    decided,
    final,
    job,
    least,
    middle,
    much,
    names_in,
    of_message,
    retry,
)
from tests.unit.graph.api.responses import RECORDS, body_of, headers_of
from tests.unit.rules.tables import LOST, SENT, refused, table_of

E = ErrorClass
FAILING, FAILING_APP = {"page-not-authorised"}, {"app-not-authorised"}
APP_LIMIT, PAGE_LIMIT = {"app-limit-pause", "app-limit-pace"}, {"page-limit-pause", "page-limit-pace"}


@pytest.mark.parametrize(
    ("answer", "of_its_message", "letter", "rules"),
    [
        (SENT, final(Outcome.SENT, None), "o", set()),
        (LOST, final(Outcome.UNKNOWN, E.AMBIGUOUS), "u", UNREADABLE),
        (refused(2), retry(E.TRANSIENT), "n", set()),
        (refused(613), back(E.RATE_LIMIT_PAGE, 2_000), "t", {"throttled-pace", "throttled-pause"}),
        (
            refused(613, usage=NEAR),
            back(E.RATE_LIMIT_PAGE),
            "t",
            {"throttled-at-the-limit", "page-usage-85", "page-usage-70"},
        ),
        (refused(80006), back(E.RATE_LIMIT_PAGE), "t", PAGE_LIMIT),
        (refused(4), back(E.RATE_LIMIT_APP), "l", APP_LIMIT),
        (refused(190), back(E.AUTH_PAGE, 2_500), "f", FAILING),
        (refused(190, 460), back(E.AUTH_PAGE, 2_500), "f", {"dead-token", *FAILING}),
        (refused(102), back(E.AUTH_PAGE, 2_500), "f", FAILING),
        (refused(230), back(E.AUTH_PAGE, 2_500), "f", FAILING),
        (refused(10, 2534077), back(E.AUTH_PAGE, 2_500), "f", FAILING),
        (refused(100, 33), retry(E.AUTH_PAGE), "f", FAILING),
        (refused(10), retry(E.AUTH_PAGE), "f", FAILING),
        (refused(200), retry(E.AUTH_PAGE), "f", FAILING),
        (refused(200, None, "API access blocked."), back(E.AUTH_APP, 2_500), "a", FAILING_APP),
        (refused(10, 1893063), back(E.POLICY_PAGE), "n", {"against-policy"}),
        (refused(368), back(E.POLICY_PAGE), "n", {"against-policy"}),
        (refused(368, 1346003), final(Outcome.FAILED, E.POLICY_PAGE), "n", {"content-reported"}),
        (refused(10, 2018278), final(Outcome.SUPPRESSED, E.RECIPIENT_WINDOW), "o", set()),
        (refused(2018321), final(Outcome.SUPPRESSED, E.RECIPIENT_TEMPORARY), "o", set()),
        (refused(551), final(Outcome.FAILED, E.RECIPIENT_PERMANENT), "g", {"recipients-gone"}),
        (refused(100), final(Outcome.FAILED, E.BAD_PAYLOAD), "p", {"same-payload-error"}),
        (refused(100, 2018294), retry(E.BAD_PAYLOAD), "p", {"same-payload-error"}),
    ],
)
def test_first_answers(answer: Answer, of_its_message: OfMessage, letter: str, rules: set[str]) -> None:
    ending = decided(answer)
    assert of_message(ending) == of_its_message
    assert (ending.letter, names_in(ending)) == (letter, rules)


GRAPH_CLASSES = [E(name) for name in sorted({r["class"] for r in RECORDS.values()} & {str(e) for e in E})]


def test_every_class_of_an_answer_occurs_in_the_collection() -> None:
    assert {*GRAPH_CLASSES} == {*list(E)[: list(E).index(E.AMBIGUOUS) + 1]}


@pytest.mark.parametrize("name", [n for n, r in RECORDS.items() if r["status"]])
@pytest.mark.parametrize("retries", [0, 9])
def test_a_message_goes_back_only_to_wait(name: str, retries: int) -> None:
    """No answer, got again and again, may make a sender send as fast as it can, whatever rules are switched off."""
    record = RECORDS[name]
    answer = classify(record["status"], headers_of(record), body_of(record))
    ending = decided(answer, job(retries=retries, attempts=retries), on_unknown="resend")
    if ending.outcome is Outcome.RETRYING:
        assert ending.delay_ms >= 1_000
    else:
        assert ending.delay_ms == 0
        assert not ending.counted
    assert (ending.error_class is None) == (ending.outcome is Outcome.SENT)
    assert not (retries and ending.counted)


@pytest.mark.parametrize("name", [n for n, r in RECORDS.items() if r["status"]])
@pytest.mark.parametrize("random", [least, middle, much])
def test_nobody_gets_a_message_again_within_a_second(name: str, random: Any) -> None:
    record = RECORDS[name]
    answer = classify(record["status"], headers_of(record), body_of(record))
    ending = decided(answer, on_unknown="resend", random=random)
    assert ending.outcome is not Outcome.RETRYING or ending.delay_ms >= 1_000


@pytest.mark.parametrize(
    ("answer", "limit"),
    [
        (refused(2), 3),
        (refused(1200, 2018024), 3),
        (refused(1), 2),
        (refused(424242), 2),
        (refused(100, 2018008), 1),
        (refused(100, 33), 3),
    ],
)
def test_retries_end_as_failed(answer: Answer, limit: int) -> None:
    outcomes = [decided(answer, job(retries=n, attempts=n)).outcome for n in range(limit + 2)]
    assert outcomes == [Outcome.RETRYING] * limit + [Outcome.FAILED] * 2


def test_retries_wait_1_4_and_16_seconds_give_or_take_half_and_at_least_one() -> None:
    def delays(random: Any) -> list[int]:
        return [decided(refused(2), job(retries=n), random=random).delay_ms for n in range(3)]

    assert delays(middle) == [1_000, 4_000, 16_000]
    assert delays(least) == [1_000, 2_000, 8_000]
    assert delays(much) == [1_250, 5_000, 20_000]


def test_1_99_that_repeats_fails_as_a_missing_permission() -> None:
    assert decided(refused(1, 99), job(retries=1)).outcome is Outcome.RETRYING
    assert of_message(decided(refused(1, 99), job(retries=2))) == final(Outcome.FAILED, E.AUTH_PAGE)


@pytest.mark.parametrize("answer", [refused(613), refused(80006), refused(4), refused(190), refused(230), refused(368)])
def test_what_is_not_the_messages_fault_never_uses_its_retries_up(answer: Answer) -> None:
    ending = decided(answer, job(retries=99, attempts=99))
    assert (ending.outcome, ending.counted) == (Outcome.RETRYING, False)


def test_a_message_that_comes_back_for_its_page_waits_longer_each_time() -> None:
    delays = [decided(refused(230), job(attempts=n), random=middle).delay_ms for n in range(8)]
    assert delays == [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]
    assert decided(refused(230), job(attempts=10**6), random=middle).delay_ms == 300_000


def test_each_plain_613_delays_its_person_for_longer() -> None:
    delays = [decided(refused(613), job(attempts=n)).delay_ms for n in range(7)]
    assert delays == [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
    assert all(a <= b for a, b in pairwise(delays))
    assert decided(refused(613), random=much).delay_ms == 2_150
    assert decided(refused(80006), job(attempts=5)).delay_ms == 1_000


@pytest.mark.parametrize("percent", [0, 89])
def test_below_90_percent_a_613_is_one_persons_and_the_pace_s(percent: float) -> None:
    ending = decided(refused(613, usage=Usage(page_percent=percent)))
    assert ending.delay_ms == 2_000
    assert {"throttled-pace", "throttled-pause"} <= names_in(ending)


OPERATORS = """
[[rule]]
name = "slow-media"
scope = "recipient"
code = 2
action = "retry"
times = 2
for = "30s"

[[rule]]
name = "no-use"
scope = "recipient"
code = 1200
action = "fail"

[[rule]]
name = "leave-alone"
scope = "recipient"
code = 424242
action = "suppress"

[[rule]]
name = "wait"
scope = "recipient"
code = 1
action = "delay"
for = "10s"
longest = "30s"
"""


def test_a_rule_for_recipients_comes_before_the_programs_own_way(tmp_path: Path) -> None:
    rules = table_of(tmp_path, OPERATORS)
    retried = [of_message(decided(refused(2), job(retries=n), rules, random=middle)) for n in range(3)]
    assert retried == [
        (Outcome.RETRYING, E.TRANSIENT, 30_000, True),
        (Outcome.RETRYING, E.TRANSIENT, 120_000, True),
        final(Outcome.FAILED, E.TRANSIENT),
    ]
    assert of_message(decided(refused(1200), rules=rules)) == final(Outcome.FAILED, E.TRANSIENT)
    assert of_message(decided(refused(424242), rules=rules)) == final(Outcome.SUPPRESSED, E.TRANSIENT)
    waits = [of_message(decided(refused(1), job(attempts=n), rules)) for n in range(3)]
    assert waits == [back(E.TRANSIENT, ms) for ms in (10_000, 20_000, 30_000)]


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_under_hold_a_lost_answer_is_unknown_at_once(retries: int) -> None:
    unknown = Ending(outcome=Outcome.UNKNOWN, error_class=E.AMBIGUOUS)
    assert decide_lost(job(retries=retries), on_unknown="hold", random=least) == unknown
    assert of_message(decided(LOST, job(retries=retries))) == of_message(unknown)


def test_under_resend_a_lost_answer_is_unknown_after_two_resends() -> None:
    policy: OnUnknown = "resend"
    found = [decide_lost(job(retries=n), on_unknown=policy, random=middle) for n in range(3)]
    assert found == [
        Ending(outcome=Outcome.RETRYING, error_class=E.AMBIGUOUS, delay_ms=1_000, counted=True),
        Ending(outcome=Outcome.RETRYING, error_class=E.AMBIGUOUS, delay_ms=4_000, counted=True),
        Ending(outcome=Outcome.UNKNOWN, error_class=E.AMBIGUOUS),
    ]
    judged = [decided(LOST, job(retries=n), on_unknown=policy, random=middle) for n in range(3)]
    assert [of_message(ending) for ending in judged] == [of_message(ending) for ending in found]


def test_a_missing_answer_counts_as_one_that_cannot_be_read() -> None:
    ending = decide_missing(job(), RULES, on_unknown="hold")
    assert of_message(ending) == final(Outcome.UNKNOWN, E.AMBIGUOUS)
    assert (ending.letter, names_in(ending)) == ("u", UNREADABLE)
