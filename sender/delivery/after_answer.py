"""What follows from an answer, or from none: outcome, retry, pause, breaker. Knows no queue, no clock and no socket.

Source: platform facts 2.2, 2.3, 3.3, 3.4 and 5.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random as _Generator
from typing import Literal

import msgspec

from schema.job import Job
from schema.outcomes import ErrorClass, Outcome
from sender.graph.api.classify import Answer
from sender.graph.api.error_table import BY_CODE_AND_SUBCODE
from sender.graph.api.usage import Usage
from sender.outbox.ending import Ending

Scope = Literal["page", "app"]
OnUnknown = Literal["hold", "resend"]
Random = Callable[[], float]
"""Gives a number from 0 up to, but not including, 1."""
jitter: Random = _Generator().random  # noqa: S311 - needs no secrecy

RETRIES = 3
RETRIES_DOUBTFUL = 2
"""For code 1 and for codes that nobody described."""
MAX_RESENDS = 2
_DESCRIBED_TRANSIENT = frozenset({2, 1200})
_ONE_RETRY = frozenset({2018008, 2018294})
"""Media that Meta could not fetch in time: worth one more try, though the payload is to blame."""

FIRST_RETRY_MS = 1_000
RETURN_MS = 5_000
"""Before a message comes back whose failure has not yet opened a breaker."""
POLICY_HOLD_MS = 6 * 3600 * 1000

_PLAIN_613_MS = (2_000, 60_000)
_PAGE_LIMIT_MS = (60_000, 3_600_000)
_APP_LIMIT_MS = (300_000, 3_600_000)
"""First and longest pause."""


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing leaves for this page, or for the whole app, for so long."""

    scope: Scope
    ms: int
    reason: str
    level: int
    """To be passed in for this scope's next pause: each is twice as long as the one before."""


class Decision(Ending, frozen=True, kw_only=True):
    """How one attempt ends, and what it means for its page or the app."""

    pause: Pause | None = None
    breaker: Scope | None = None
    """Whose failures this counts among: a page's open its breaker, the app's pause everything."""
    at_once: bool = False
    """Open that breaker without waiting for its threshold."""
    hold_ms: int | None = None
    """Keep it open for so long before the first probe; None: its usual time."""


def decide(
    answer: Answer, job: Job, *, on_unknown: OnUnknown, random: Random = jitter, page_level: int = 0, app_level: int = 0
) -> Decision:
    """Decide what follows from an answer.

    Args:
        answer: of the Graph API.
        job: as it was claimed, that is without this attempt.
        on_unknown: the run's policy.
        random: for jitter.
        page_level: `Pause.level` of the page's last pause, 0 after a message got through. Answers that come in while
            a pause stands are of one wave: they take the level which that pause was made with.
        app_level: the same for the app.
    """
    match answer.error_class:
        case None:
            decision = Decision(outcome=Outcome.SENT)
        case ErrorClass.AMBIGUOUS:
            decision = decide_lost(job, on_unknown=on_unknown, random=random)
        case ErrorClass.TRANSIENT:
            decision = _transient(answer, job, random)
        case ErrorClass.RATE_LIMIT_APP:
            pause = _pause(answer, "app", _APP_LIMIT_MS, app_level, random)
            decision = Decision(outcome=Outcome.RETRYING, error_class=answer.error_class, pause=pause)
        case ErrorClass.RATE_LIMIT_PAGE:
            decision = _page_throttled(answer, job, page_level, random)
        case ErrorClass.AUTH_PAGE:
            decision = _page_unauthorised(answer, job, random)
        case ErrorClass.AUTH_APP:
            decision = _returned(ErrorClass.AUTH_APP, "app", random)
        case ErrorClass.POLICY_PAGE:
            decision = _against_policy(answer, random)
        case ErrorClass.BAD_PAYLOAD if answer.subcode in _ONE_RETRY:
            decision = _retry_or_fail(ErrorClass.BAD_PAYLOAD, job, 1, random)
        case ErrorClass.RECIPIENT_WINDOW | ErrorClass.RECIPIENT_TEMPORARY:
            decision = Decision(outcome=Outcome.SUPPRESSED, error_class=answer.error_class)
        case _:
            decision = Decision(outcome=Outcome.FAILED, error_class=answer.error_class)
    if decision.pause is None and answer.usage is not None and answer.usage.percent >= 100:
        pause = _pause(answer, "page", _PAGE_LIMIT_MS, page_level, random)
        return msgspec.structs.replace(decision, pause=pause)
    return decision


def decide_lost(job: Job, *, on_unknown: OnUnknown, random: Random = jitter) -> Decision:
    """Decide about a message that may have left and brought no usable answer."""
    if on_unknown == "resend" and job.retries < MAX_RESENDS:
        return _retry(ErrorClass.AMBIGUOUS, job, random)
    return Decision(outcome=Outcome.UNKNOWN, error_class=ErrorClass.AMBIGUOUS)


def _transient(answer: Answer, job: Job, random: Random) -> Decision:
    limit = RETRIES if answer.code in _DESCRIBED_TRANSIENT else RETRIES_DOUBTFUL
    if (answer.code, answer.subcode) == (1, 99) and job.retries >= limit:
        # Meta hints at a missing permission; one message that cannot be sent must not wait for it for ever.
        return Decision(outcome=Outcome.FAILED, error_class=ErrorClass.AUTH_PAGE, breaker="page")
    return _retry_or_fail(ErrorClass.TRANSIENT, job, limit, random)


def _page_throttled(answer: Answer, job: Job, level: int, random: Random) -> Decision:
    plain = answer.code == 613 and (answer.usage is None or answer.usage.percent < 90)
    pause = _pause(answer, "page", _PLAIN_613_MS if plain else _PAGE_LIMIT_MS, level, random)
    # A second plain 613: perhaps this person's conversation alone is limited (facts 3.4). Let others go first.
    delay_ms = _doubled(_PLAIN_613_MS, job.attempts) if plain and job.attempts else 0
    return Decision(outcome=Outcome.RETRYING, error_class=answer.error_class, delay_ms=delay_ms, pause=pause)


def _page_unauthorised(answer: Answer, job: Job, random: Random) -> Decision:
    if answer.code in {190, 102}:
        return Decision(outcome=Outcome.RETRYING, error_class=ErrorClass.AUTH_PAGE, breaker="page", at_once=True)
    if not _may_concern_one_person(answer):
        return _returned(ErrorClass.AUTH_PAGE, "page", random)
    # Counted: a single person who always gets this never opens the breaker and would come back without end.
    counted = _retry_or_fail(ErrorClass.AUTH_PAGE, job, RETRIES, random)
    return msgspec.structs.replace(counted, breaker="page")


def _may_concern_one_person(answer: Answer) -> bool:
    """Whether this is one of the three doubtful ones: 100/33, plain 10, plain 200 (platform facts 2.5)."""
    if (answer.code, answer.subcode) == (100, 33):
        return True
    return answer.code in {10, 200} and (answer.code, answer.subcode) not in BY_CODE_AND_SUBCODE


def _against_policy(answer: Answer, random: Random) -> Decision:
    if (answer.code, answer.subcode) == (368, 1346003):  # this content, not this page: nobody will get it
        return Decision(outcome=Outcome.FAILED, error_class=ErrorClass.POLICY_PAGE)
    return Decision(
        outcome=Outcome.RETRYING,
        error_class=ErrorClass.POLICY_PAGE,
        breaker="page",
        at_once=True,
        hold_ms=_later(POLICY_HOLD_MS, random),
    )


def _returned(error_class: ErrorClass, breaker: Scope, random: Random) -> Decision:
    delay_ms = _around(RETURN_MS, random)
    return Decision(outcome=Outcome.RETRYING, error_class=error_class, delay_ms=delay_ms, breaker=breaker)


def _retry_or_fail(error_class: ErrorClass, job: Job, limit: int, random: Random) -> Decision:
    if job.retries < limit:
        return _retry(error_class, job, random)
    return Decision(outcome=Outcome.FAILED, error_class=error_class)


def _retry(error_class: ErrorClass, job: Job, random: Random) -> Decision:
    """After about 1 s, 4 s, 16 s."""
    delay_ms = _around(FIRST_RETRY_MS * 4**job.retries, random)
    return Decision(outcome=Outcome.RETRYING, error_class=error_class, delay_ms=delay_ms, counted=True)


def _pause(answer: Answer, scope: Scope, limits: tuple[int, int], level: int, random: Random) -> Pause:
    usage = answer.usage or Usage()
    asked_ms = 1000 * max(usage.regain_s, usage.retry_after_s or 0)
    throttled = answer.error_class in {ErrorClass.RATE_LIMIT_PAGE, ErrorClass.RATE_LIMIT_APP}
    return Pause(
        scope=scope,
        ms=_later(max(_doubled(limits, level), asked_ms), random),
        reason=f"code {answer.code}" if throttled else f"usage at {usage.percent:.0f} %",
        level=level + 1,
    )


def _doubled(limits: tuple[int, int], times: int) -> int:
    first, longest = limits
    return min(longest, first << min(times, 20))


def _around(ms: int, random: Random) -> int:
    """From half to one and a half of it."""
    return int(ms * (0.5 + random()))


def _later(ms: int, random: Random) -> int:
    """Up to a tenth more: what Meta asks for is never cut short."""
    return int(ms * (1 + random() / 10))
