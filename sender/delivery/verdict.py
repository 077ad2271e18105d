"""What an answer means beyond its own message, as the queue counts it: a letter, and the rules that fit the answer."""

from __future__ import annotations

from collections.abc import Callable
from random import Random as _Generator

import msgspec

from schema.outcomes import ErrorClass
from sender.graph.api.classify import Answer
from sender.rules.rule_table import RuleTable

Random = Callable[[], float]
"""Gives a number from 0 up to, but not including, 1."""
jitter: Random = _Generator().random  # noqa: S311 - needs no secrecy

WORKS = "o"
NO_ANSWER = Answer(error_class=ErrorClass.AMBIGUOUS, http_status=0)
"""What a missing answer counts as."""
_LETTERS = {
    None: WORKS,
    ErrorClass.RECIPIENT_WINDOW: WORKS,  # only a page with a valid token and permission is told so
    ErrorClass.RECIPIENT_TEMPORARY: WORKS,
    ErrorClass.RECIPIENT_PERMANENT: "g",
    ErrorClass.BAD_PAYLOAD: "p",
    ErrorClass.RATE_LIMIT_PAGE: "t",
    ErrorClass.RATE_LIMIT_APP: "l",
    ErrorClass.AMBIGUOUS: "u",
    ErrorClass.AUTH_PAGE: "f",
    ErrorClass.AUTH_APP: "a",
}
_OTHER = "n"
_MOST_TEXT = 200

_encode = msgspec.msgpack.Encoder().encode
_NO_RULES = _encode([])


def letter_of(answer: Answer) -> str:
    """Return the letter that `scripts/lib/answers.lua` counts this answer as."""
    return _LETTERS.get(answer.error_class, _OTHER)


def verdict_of(answer: Answer, rules: RuleTable, token_version: int, random: Random = jitter) -> bytes:
    """Return what `work/settle.lua` needs to know besides the letter; nothing when no rule fits."""
    fitting = rules.packed(answer)
    if not fitting and answer.error_class is not ErrorClass.BAD_PAYLOAD:
        return b""
    usage = answer.usage
    asked_s = 0 if usage is None else max(usage.regain_s, usage.retry_after_s or 0)
    return _encode(
        [
            error_name(answer),
            str(token_version),
            1000 * asked_s,
            1 + random() / 10,  # up to a tenth more: what Meta asks for is never cut short
            msgspec.Raw(fitting or _NO_RULES),
            (answer.message or "")[:_MOST_TEXT],
        ]
    )


def error_name(answer: Answer) -> str:
    """Name an answer's error as people and the counting of equal ones do: `code 368/1346003`, or what else it was."""
    if answer.error_class is ErrorClass.AMBIGUOUS:
        return f"HTTP {answer.http_status}, {answer.message or 'ambiguous'}" if answer.http_status else "no answer"
    if answer.code is None:
        usage = f"usage at {answer.usage.percent:.0f} %" if answer.usage is not None else "accepted"
        return str(answer.error_class.value) if answer.error_class is not None else usage
    return f"code {answer.code}" if answer.subcode is None else f"code {answer.code}/{answer.subcode}"
