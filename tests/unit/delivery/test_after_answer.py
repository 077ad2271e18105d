"""What follows from each kind of answer."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from schema.job import Job
from schema.outcomes import ErrorClass, Outcome
from sender.delivery.after_answer import Decision, OnUnknown, Pause, decide, decide_lost
from sender.graph.api.classify import Answer, classify
from sender.graph.api.usage import Usage
from tests.unit.graph.api.responses import RECORDS, body_of, error, headers, headers_of

E = ErrorClass
HOUR_MS = 3600 * 1000


def middle() -> float:
    """No jitter around a delay; a twentieth more of a pause."""
    return 0.5


def least() -> float:
    return 0.0


def much() -> float:
    return 0.75


def _job(*, retries: int = 0, attempts: int = 0) -> Job:
    return Job("7000000000000001", retries=retries, attempts=attempts)


def _answer(code: int, subcode: int | None = None, message: str = "text", usage: Usage | None = None) -> Answer:
    answer = classify(400, headers({}), error(code, subcode, message))
    return Answer(error_class=answer.error_class, http_status=400, code=code, subcode=subcode, usage=usage)


def _decide(answer: Answer, job: Job | None = None, **known: Any) -> Decision:
    settings: dict[str, Any] = {"on_unknown": "hold", "random": least} | known
    return decide(answer, job or _job(), **settings)


SENT = Answer(error_class=None, http_status=200, message_id="m_1")
AMBIGUOUS = Answer(error_class=E.AMBIGUOUS, http_status=502)


def _page_pause(ms: int, reason: str, level: int = 1) -> Pause:
    return Pause(scope="page", ms=ms, reason=reason, level=level)


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        (SENT, Decision(outcome=Outcome.SENT)),
        (AMBIGUOUS, Decision(outcome=Outcome.UNKNOWN, error_class=E.AMBIGUOUS)),
        (_answer(2), Decision(outcome=Outcome.RETRYING, error_class=E.TRANSIENT, delay_ms=500, counted=True)),
        (
            _answer(613),
            Decision(outcome=Outcome.RETRYING, error_class=E.RATE_LIMIT_PAGE, pause=_page_pause(2_000, "code 613")),
        ),
        (
            _answer(80006),
            Decision(outcome=Outcome.RETRYING, error_class=E.RATE_LIMIT_PAGE, pause=_page_pause(60_000, "code 80006")),
        ),
        (
            _answer(4),
            Decision(
                outcome=Outcome.RETRYING,
                error_class=E.RATE_LIMIT_APP,
                pause=Pause(scope="app", ms=300_000, reason="code 4", level=1),
            ),
        ),
        (
            _answer(190, 460),
            Decision(outcome=Outcome.RETRYING, error_class=E.AUTH_PAGE, breaker="page", at_once=True),
        ),
        (_answer(102), Decision(outcome=Outcome.RETRYING, error_class=E.AUTH_PAGE, breaker="page", at_once=True)),
        (_answer(230), Decision(outcome=Outcome.RETRYING, error_class=E.AUTH_PAGE, delay_ms=2_500, breaker="page")),
        (
            _answer(10, 2534077),
            Decision(outcome=Outcome.RETRYING, error_class=E.AUTH_PAGE, delay_ms=2_500, breaker="page"),
        ),
        (
            _answer(100, 33),
            Decision(outcome=Outcome.RETRYING, error_class=E.AUTH_PAGE, delay_ms=500, counted=True, breaker="page"),
        ),
        (
            _answer(10),
            Decision(outcome=Outcome.RETRYING, error_class=E.AUTH_PAGE, delay_ms=500, counted=True, breaker="page"),
        ),
        (
            _answer(200),
            Decision(outcome=Outcome.RETRYING, error_class=E.AUTH_PAGE, delay_ms=500, counted=True, breaker="page"),
        ),
        (
            _answer(200, None, "API access blocked."),
            Decision(outcome=Outcome.RETRYING, error_class=E.AUTH_APP, delay_ms=2_500, breaker="app"),
        ),
        (
            _answer(10, 1893063),
            Decision(
                outcome=Outcome.RETRYING, error_class=E.POLICY_PAGE, breaker="page", at_once=True, hold_ms=6 * HOUR_MS
            ),
        ),
        (
            _answer(368),
            Decision(
                outcome=Outcome.RETRYING, error_class=E.POLICY_PAGE, breaker="page", at_once=True, hold_ms=6 * HOUR_MS
            ),
        ),
        (_answer(368, 1346003), Decision(outcome=Outcome.FAILED, error_class=E.POLICY_PAGE)),
        (_answer(10, 2018278), Decision(outcome=Outcome.SUPPRESSED, error_class=E.RECIPIENT_WINDOW)),
        (_answer(2018321), Decision(outcome=Outcome.SUPPRESSED, error_class=E.RECIPIENT_TEMPORARY)),
        (_answer(551), Decision(outcome=Outcome.FAILED, error_class=E.RECIPIENT_PERMANENT)),
        (_answer(100), Decision(outcome=Outcome.FAILED, error_class=E.BAD_PAYLOAD)),
        (
            _answer(100, 2018294),
            Decision(outcome=Outcome.RETRYING, error_class=E.BAD_PAYLOAD, delay_ms=500, counted=True),
        ),
    ],
)
def test_first_answers(answer: Answer, decision: Decision) -> None:
    assert _decide(answer) == decision


GRAPH_CLASSES = [E(name) for name in sorted({r["class"] for r in RECORDS.values()} & {str(e) for e in E})]


def test_every_class_of_an_answer_occurs_in_the_collection() -> None:
    assert {*GRAPH_CLASSES} == {*list(E)[: list(E).index(E.AMBIGUOUS) + 1]}


@pytest.mark.parametrize("name", [n for n, r in RECORDS.items() if r["status"]])
@pytest.mark.parametrize("retries", [0, 9])
def test_a_message_goes_back_only_where_something_makes_it_wait(name: str, retries: int) -> None:
    """No answer, got again and again, may make a sender send as fast as it can."""
    record = RECORDS[name]
    answer = classify(record["status"], headers_of(record), body_of(record))
    decision = _decide(answer, _job(retries=retries, attempts=retries), on_unknown="resend")
    if decision.outcome is Outcome.RETRYING:
        assert decision.delay_ms > 0 or decision.at_once or decision.pause is not None
    else:
        assert decision.delay_ms == 0
        assert not decision.counted
    assert (decision.error_class is None) == (decision.outcome is Outcome.SENT)
    assert not (retries and decision.counted)


@pytest.mark.parametrize(
    ("answer", "limit"),
    [
        (_answer(2), 3),
        (_answer(1200, 2018024), 3),
        (_answer(1), 2),
        (_answer(424242), 2),
        (_answer(100, 2018008), 1),
        (_answer(100, 33), 3),
    ],
)
def test_retries_end_as_failed(answer: Answer, limit: int) -> None:
    outcomes = [_decide(answer, _job(retries=n, attempts=n)).outcome for n in range(limit + 2)]
    assert outcomes == [Outcome.RETRYING] * limit + [Outcome.FAILED] * 2


def test_retries_wait_1_4_and_16_seconds_give_or_take_half() -> None:
    def delays(random: Any) -> list[int]:
        return [_decide(_answer(2), _job(retries=n), random=random).delay_ms for n in range(3)]

    assert delays(middle) == [1_000, 4_000, 16_000]
    assert delays(least) == [500, 2_000, 8_000]
    assert delays(much) == [1_250, 5_000, 20_000]


def test_1_99_that_repeats_counts_against_the_page() -> None:
    assert _decide(_answer(1, 99), _job(retries=1)).breaker is None
    decision = _decide(_answer(1, 99), _job(retries=2))
    assert decision == Decision(outcome=Outcome.FAILED, error_class=E.AUTH_PAGE, breaker="page")


@pytest.mark.parametrize("answer", [_answer(613), _answer(80006), _answer(4), _answer(190), _answer(230), _answer(368)])
def test_what_is_not_the_messages_fault_never_uses_its_retries_up(answer: Answer) -> None:
    decision = _decide(answer, _job(retries=99, attempts=99))
    assert (decision.outcome, decision.counted) == (Outcome.RETRYING, False)


def _pauses(answer: Answer, scope: str, times: int) -> list[int]:
    levels, found = {"page": 0, "app": 0}, []
    for _ in range(times):
        pause = _decide(answer, page_level=levels["page"], app_level=levels["app"]).pause
        assert pause is not None
        assert pause.scope == scope
        levels[scope] = pause.level
        found.append(pause.ms)
    return found


def test_pauses_double_up_to_their_longest() -> None:
    assert _pauses(_answer(613), "page", 7) == [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
    assert _pauses(_answer(32), "page", 8) == [60_000 * n for n in (1, 2, 4, 8, 16, 32, 60, 60)]
    assert _pauses(_answer(341), "app", 5) == [300_000 * n for n in (1, 2, 4, 8, 12)]


def test_a_level_without_end_is_no_endless_number() -> None:
    pause = _decide(_answer(4), app_level=10**9).pause
    assert pause is not None
    assert pause.ms == HOUR_MS


@pytest.mark.parametrize(
    ("answer", "ms"),
    [
        (_answer(613, usage=Usage(page_percent=89)), 2_000),
        (_answer(613, usage=Usage(page_percent=90)), 60_000),
        (_answer(613, usage=Usage(page_percent=100, page_regain_s=600)), 600_000),
        (_answer(613, usage=Usage(retry_after_s=30)), 30_000),
        (_answer(613, usage=Usage(page_regain_s=20, retry_after_s=30)), 30_000),
        (_answer(80006, usage=Usage(page_percent=100, page_regain_s=26 * 60)), 26 * 60_000),
        (_answer(80006, usage=Usage(page_percent=100, page_regain_s=12 * 3600)), 12 * HOUR_MS),
        (_answer(17, 2446079), 60_000),
        (_answer(2300078), 60_000),
    ],
)
def test_a_page_pauses_as_long_as_the_headers_say_and_no_less_than_its_limit_asks(answer: Answer, ms: int) -> None:
    pause = _decide(answer).pause
    assert pause is not None
    assert (pause.scope, pause.ms) == ("page", ms)


def test_pauses_are_never_cut_short_by_jitter() -> None:
    for random, ms in ((least, 600_000), (middle, 630_000), (much, 645_000)):
        pause = _decide(_answer(613, usage=Usage(page_percent=100, page_regain_s=600)), random=random).pause
        assert pause is not None
        assert pause.ms == ms


def test_a_second_plain_613_lets_others_go_first() -> None:
    delays = [_decide(_answer(613), _job(attempts=n)).delay_ms for n in range(7)]
    assert delays == [0, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
    assert all(a <= b for a, b in pairwise(delays))
    assert _decide(_answer(80006), _job(attempts=5)).delay_ms == 0


@pytest.mark.parametrize(("percent", "ms"), [(99, None), (100, 60_000), (130, 60_000)])
def test_a_full_pool_pauses_the_page_after_a_success(percent: float, ms: int | None) -> None:
    answer = Answer(error_class=None, http_status=200, message_id="m_1", usage=Usage(page_percent=percent))
    decision = _decide(answer)
    assert (decision.outcome, decision.counted, decision.delay_ms) == (Outcome.SENT, False, 0)
    assert (decision.pause and decision.pause.ms) == ms


def test_a_full_pool_names_itself_and_asks_for_its_regain_time() -> None:
    usage = Usage(page_percent=100, page_regain_s=19 * 60)
    answer = Answer(error_class=None, http_status=200, message_id="m_1", usage=usage)
    assert _decide(answer, page_level=2).pause == _page_pause(19 * 60_000, "usage at 100 %", 3)
    refused = _decide(_answer(551, usage=usage))
    assert refused.outcome is Outcome.FAILED
    assert refused.pause == _page_pause(19 * 60_000, "usage at 100 %")


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_under_hold_a_lost_answer_is_unknown_at_once(retries: int) -> None:
    unknown = Decision(outcome=Outcome.UNKNOWN, error_class=E.AMBIGUOUS)
    assert decide_lost(_job(retries=retries), on_unknown="hold", random=least) == unknown
    assert _decide(AMBIGUOUS, _job(retries=retries)) == unknown


def test_under_resend_a_lost_answer_is_unknown_after_two_resends() -> None:
    policy: OnUnknown = "resend"
    found = [decide_lost(_job(retries=n), on_unknown=policy, random=middle) for n in range(3)]
    assert found == [
        Decision(outcome=Outcome.RETRYING, error_class=E.AMBIGUOUS, delay_ms=1_000, counted=True),
        Decision(outcome=Outcome.RETRYING, error_class=E.AMBIGUOUS, delay_ms=4_000, counted=True),
        Decision(outcome=Outcome.UNKNOWN, error_class=E.AMBIGUOUS),
    ]
    assert [_decide(AMBIGUOUS, _job(retries=n), on_unknown=policy, random=middle) for n in range(3)] == found
