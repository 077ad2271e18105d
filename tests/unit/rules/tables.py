"""Tables of rules out of text, and answers to hold against them."""

from __future__ import annotations

from pathlib import Path

from schema.outcomes import ErrorClass
from sender.graph.api.classify import Answer, classify
from sender.graph.api.usage import Usage
from sender.rules.rule_table import RuleTable, load
from tests.unit.graph.api.responses import error, headers

THRESHOLD, COOLDOWN_MS = 5, 300_000
SENT = Answer(error_class=None, http_status=200, message_id="m_1")
LOST = Answer(error_class=ErrorClass.AMBIGUOUS, http_status=502)


def table_of(folder: Path, text: str) -> RuleTable:
    """The shipped table with this file over it."""
    file = folder / "rules.toml"
    file.write_text(text, "utf-8")
    return load(file, THRESHOLD, COOLDOWN_MS)


def shipped() -> RuleTable:
    return load(None, THRESHOLD, COOLDOWN_MS)


def refused(code: int, subcode: int | None = None, message: str = "text", usage: Usage | None = None) -> Answer:
    answer = classify(400, headers({}), error(code, subcode, message))
    return Answer(
        error_class=answer.error_class, http_status=400, code=code, subcode=subcode, message=message, usage=usage
    )


def sent(page: float = 0, app: float = 0) -> Answer:
    usage = Usage(page_percent=page, app_percent=app)
    return Answer(error_class=None, http_status=200, message_id="m_1", usage=usage)


def names(table: RuleTable, answer: Answer) -> set[str]:
    return {rule.name for rule in table.matching(answer)}
