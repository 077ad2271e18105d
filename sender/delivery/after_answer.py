"""What follows from an answer, or from none, for its own message: outcome and retry. Knows no queue, clock or socket.

What it means for the run, the page and the app say the rules (sender/rules); the queue counts and acts.

Source: platform facts 2.2, 2.3, 3.4 and 5.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schema.job import Job
from schema.outcomes import ErrorClass, Outcome
from sender.delivery.verdict import NO_ANSWER, Random, jitter, letter_of, verdict_of
from sender.graph.api.classify import Answer
from sender.graph.api.error_table import BY_CODE_AND_SUBCODE
from sender.outbox.ending import Ending
from sender.rules.rule import Rule
from sender.rules.rule_table import RuleTable

OnUnknown = Literal["hold", "resend"]

RETRIES = 3
RETRIES_DOUBTFUL = 2
"""For code 1 and for codes that nobody described."""
MAX_RESENDS = 2
_DESCRIBED_TRANSIENT = frozenset({2, 1200})
_ONE_RETRY = frozenset({2018008, 2018294})
"""Media that Meta could not fetch in time: worth one more try, though the payload is to blame."""

FIRST_RETRY_MS = 1_000
"""Nobody gets two messages within a second: not after a retry either."""
_RETURN_MS = (5_000, 300_000)
"""Before a message comes back whose failure has not opened a breaker: doubling, for too few may be left to open it."""

_SENT = Ending(outcome=Outcome.SENT, letter=letter_of(Answer(error_class=None, http_status=200)))


def decide(
    answer: Answer,
    job: Job,
    rules: RuleTable,
    *,
    on_unknown: OnUnknown,
    token_version: int = 0,
    random: Random = jitter,
) -> Ending:
    """Decide what follows from an answer.

    Args:
        answer: of the Graph API.
        job: as it was claimed, that is without this attempt.
        rules: what answers mean.
        on_unknown: the run's policy.
        token_version: of the page's token that the request carried.
        random: for jitter.
    """
    if answer.error_class is None and answer.usage is None:
        return _SENT
    rule = rules.for_recipient(answer)
    ending = _by_class(answer, job, on_unknown, random) if rule is None else _by_rule(rule, answer, job, random)
    verdict = verdict_of(answer, rules, token_version, random)
    return msgspec.structs.replace(ending, letter=letter_of(answer), verdict=verdict)


def decide_lost(job: Job, *, on_unknown: OnUnknown, random: Random = jitter) -> Ending:
    """Decide about a message that may have left and brought no usable answer, for reasons of our own."""
    if on_unknown == "resend" and job.retries < MAX_RESENDS:
        return _retry(ErrorClass.AMBIGUOUS, job, random)
    return Ending(outcome=Outcome.UNKNOWN, error_class=ErrorClass.AMBIGUOUS)


def decide_missing(job: Job, rules: RuleTable, *, on_unknown: OnUnknown, token_version: int = 0) -> Ending:
    """Decide about one that the Graph API left without an answer: that counts like one that cannot be read."""
    return decide(NO_ANSWER, job, rules, on_unknown=on_unknown, token_version=token_version)


def _by_rule(rule: Rule, answer: Answer, job: Job, random: Random) -> Ending:
    """End, or send back, as a row of the rules says."""
    error_class = answer.error_class
    match rule.action:
        case "delay":
            delay_ms = _later(_doubled(rule.for_ms, rule.longest_ms, job.attempts), random)
            return Ending(outcome=Outcome.RETRYING, error_class=error_class, delay_ms=delay_ms)
        case "retry" if job.retries < rule.times:
            return _retry(error_class, job, random, rule.for_ms or FIRST_RETRY_MS)
        case "suppress":
            return Ending(outcome=Outcome.SUPPRESSED, error_class=error_class)
        case _:
            return Ending(outcome=Outcome.FAILED, error_class=error_class)


def _by_class(answer: Answer, job: Job, on_unknown: OnUnknown, random: Random) -> Ending:
    error_class = answer.error_class
    ending = Ending(outcome=Outcome.FAILED, error_class=error_class)
    match error_class:
        case None:
            ending = _SENT
        case ErrorClass.AMBIGUOUS:
            ending = decide_lost(job, on_unknown=on_unknown, random=random)
        case ErrorClass.TRANSIENT:
            ending = _transient(answer, job, random)
        case ErrorClass.RATE_LIMIT_APP | ErrorClass.RATE_LIMIT_PAGE:
            ending = _wait(error_class)
        case ErrorClass.AUTH_PAGE if may_concern_one_person(answer):
            # Counted: a single person who always gets this never opens the breaker and would come back without end.
            ending = _retry_or_fail(ErrorClass.AUTH_PAGE, job, RETRIES, random)
        case ErrorClass.AUTH_PAGE | ErrorClass.AUTH_APP:
            delay_ms = _around(_doubled(*_RETURN_MS, job.attempts), random)
            ending = Ending(outcome=Outcome.RETRYING, error_class=error_class, delay_ms=delay_ms)
        case ErrorClass.POLICY_PAGE if (answer.code, answer.subcode) != (368, 1346003):
            ending = _wait(error_class)
        case ErrorClass.BAD_PAYLOAD if answer.subcode in _ONE_RETRY:
            ending = _retry_or_fail(ErrorClass.BAD_PAYLOAD, job, 1, random)
        case ErrorClass.RECIPIENT_WINDOW | ErrorClass.RECIPIENT_TEMPORARY:
            ending = Ending(outcome=Outcome.SUPPRESSED, error_class=error_class)
    return ending


def _transient(answer: Answer, job: Job, random: Random) -> Ending:
    limit = RETRIES if answer.code in _DESCRIBED_TRANSIENT else RETRIES_DOUBTFUL
    if (answer.code, answer.subcode) == (1, 99) and job.retries >= limit:
        # Meta hints at a missing permission; one message that cannot be sent must not wait for it for ever.
        return Ending(outcome=Outcome.FAILED, error_class=ErrorClass.AUTH_PAGE)
    return _retry_or_fail(ErrorClass.TRANSIENT, job, limit, random)


def may_concern_one_person(answer: Answer) -> bool:
    """Whether this is one of the three doubtful ones: 100/33, plain 10, plain 200 (platform facts 2.5)."""
    if (answer.code, answer.subcode) == (100, 33):
        return True
    return answer.code in {10, 200} and (answer.code, answer.subcode) not in BY_CODE_AND_SUBCODE


def _wait(error_class: ErrorClass) -> Ending:
    """Uncounted: a rule holds the page or the app for longer; where an operator has switched it off, no hot loop."""
    return Ending(outcome=Outcome.RETRYING, error_class=error_class, delay_ms=FIRST_RETRY_MS)


def _retry_or_fail(error_class: ErrorClass, job: Job, limit: int, random: Random) -> Ending:
    if job.retries < limit:
        return _retry(error_class, job, random)
    return Ending(outcome=Outcome.FAILED, error_class=error_class)


def _retry(error_class: ErrorClass | None, job: Job, random: Random, first_ms: int = FIRST_RETRY_MS) -> Ending:
    """After about 1 s, 4 s, 16 s."""
    delay_ms = max(FIRST_RETRY_MS, _around(first_ms * 4**job.retries, random))
    return Ending(outcome=Outcome.RETRYING, error_class=error_class, delay_ms=delay_ms, counted=True)


def _doubled(first: int, longest: int, times: int) -> int:
    return min(longest, first << min(times, 20))


def _around(ms: int, random: Random) -> int:
    """From half to one and a half of it."""
    return int(ms * (0.5 + random()))


def _later(ms: int, random: Random) -> int:
    """Up to a tenth more."""
    return int(ms * (1 + random() / 10))
