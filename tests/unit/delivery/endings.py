"""Answers decided upon, and what the endings say."""

from __future__ import annotations

from typing import Any

import msgspec

from schema.job import Job
from schema.outcomes import ErrorClass, Outcome
from sender.delivery.after_answer import decide
from sender.graph.api.classify import Answer
from sender.graph.api.usage import Usage
from sender.outbox.ending import Ending
from sender.rules.rule_table import RuleTable
from tests.unit.rules.tables import shipped

RULES = shipped()
NEAR = Usage(page_percent=90)
UNREADABLE = {"unreadable-answers", "unreadable-answers-of-a-page"}
OfMessage = tuple[Outcome, ErrorClass | None, int, bool]
"""Outcome, class, delay in ms, whether it uses up a retry."""


def middle() -> float:
    """No jitter around a delay; a twentieth more of a pause."""
    return 0.5


def least() -> float:
    return 0.0


def much() -> float:
    return 0.75


def job(*, retries: int = 0, attempts: int = 0) -> Job:
    return Job("7000000000000001", retries=retries, attempts=attempts)


def decided(answer: Answer, wanted: Job | None = None, rules: RuleTable = RULES, **known: Any) -> Ending:
    settings: dict[str, Any] = {"on_unknown": "hold", "random": least} | known
    return decide(answer, wanted or job(), rules, **settings)


def verdict(ending: Ending) -> list[Any]:
    """Unpack it: error, token version, asked_ms, jitter, rules, text."""
    said: list[Any] = msgspec.msgpack.decode(ending.verdict) if ending.verdict else ["", "", 0, 1.0, [], ""]
    return said


def names_in(ending: Ending) -> set[str]:
    return {name for name, *_ in verdict(ending)[4]}


def of_message(ending: Ending) -> OfMessage:
    return ending.outcome, ending.error_class, ending.delay_ms, ending.counted


def final(outcome: Outcome, error_class: ErrorClass | None) -> OfMessage:
    return outcome, error_class, 0, False


def back(error_class: ErrorClass, delay_ms: int = 1_000) -> OfMessage:
    return Outcome.RETRYING, error_class, delay_ms, False


def retry(error_class: ErrorClass) -> OfMessage:
    return Outcome.RETRYING, error_class, 1_000, True
