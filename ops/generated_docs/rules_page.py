"""Makes docs/rules.md of the shipped table of rules: `python -m ops.generated_docs.rules_page > docs/rules.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.resources import files

from schema.runtime.settings import setting_name
from sender.rules import in_words
from sender.rules.rule import Rule
from sender.rules.rule_table import load
from sender.settings import RuleSettings

_WRITTEN = "rules_page.md"


def page() -> str:
    """Return the text of docs/rules.md: what is written by hand, then the shipped table."""
    head = (files("ops.generated_docs") / _WRITTEN).read_text("utf-8")
    return f"{head}\n{chr(10).join(_table())}\n"


def _table() -> Iterator[str]:
    settings = {field: RuleSettings.model_fields[field].default for field in RuleSettings.model_fields}
    rules = load(None, settings["circuit_breaker_threshold"], settings["circuit_breaker_cooldown_ms"]).rules
    yield "| rule | answers | acts | and then | because |"
    yield "| --- | --- | --- | --- | --- |"
    yield from (_line(rule) for rule in rules)
    names = [setting_name(field) for field in settings if field.startswith("circuit_breaker")]
    yield f"\nWhere breakers have {' and '.join(f'`{name}`' for name in names)}, the table shows their defaults."


def _line(rule: Rule) -> str:
    cells = (
        f"`{rule.name}`",
        ", ".join(map(str, in_words.answers(rule))),
        str(in_words.trigger(rule)),
        str(in_words.effect(rule)),
        rule.source,
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(page())
