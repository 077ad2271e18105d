"""The shipped table and an operator's file over it, read whole: every problem of both, or all rules."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from schema.runtime.settings import SettingsError
from sender.rules.rule import Rule
from sender.rules.rule_fields import one_line
from sender.rules.rule_row import FromSettings, Row

SHIPPED = "default.toml"
_MOST_BYTES = 1_000_000
_MOST_ROWS = 500
"""Far more than anybody writes; every answer that is not `sent` is held against all of them once."""


def read_rules(path: Path | None, settings: FromSettings) -> list[Rule]:
    """Return the rules that hold: the shipped ones in their order, replaced or left out as the file says, then its own.

    Raises:
        SettingsError: with a line for each problem of both files.
    """
    shipped = _Table(SHIPPED, (files("sender.rules") / SHIPPED).read_bytes(), settings)
    shipped.problems += [f"{shipped.where(r)}: source is missing" for r in shipped.rows if "source" not in r.given]
    own = _Table(str(path), _content(path), settings) if path is not None else None
    problems = [*shipped.problems, *(own.problems if own else ())]
    if own:
        problems += own.switches_off_nothing(shipped.rules)
    if problems:
        raise SettingsError(problems)
    rules = shipped.rules | (own.rules if own else {})
    return [rule for rule in rules.values() if rule is not None]


def _content(path: Path) -> bytes | str:
    """Return what the file holds, or (as text) why it cannot be read."""
    mend = "write RULES_FILE with the path of a file that has rules, or leave it out"
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for somebody to write
            return f"is no file; {mend}"
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as exc:  # a ValueError: a name with a zero byte
        return f"cannot be read ({exc.strerror if isinstance(exc, OSError) else exc}); {mend}"
    return content if len(content) <= _MOST_BYTES else f"is longer than {_MOST_BYTES:,} bytes; {mend}"


class _Table:
    """One file. `rules` are by name, None for one that is switched off; complete only without `problems`."""

    def __init__(self, file: str, content: bytes | str, settings: FromSettings) -> None:
        self.file = file
        self.problems: list[str] = []
        self.rules: dict[str, Rule | None] = {}
        self.rows = [Row(number, fields) for number, fields in enumerate(self._rows(content), start=1)]
        for row in self.rows:
            rule = None if row.is_off else row.rule(settings)
            self.problems += [f"{self.where(row)}: {problem}" for problem in row.problems]
            if row.name is not None:
                self._add(row, row.name, rule)

    def where(self, row: Row) -> str:
        """Return which row this is, for a message."""
        return f"{self.file}, rule {row.number}" + (f" ({row.name})" if row.name else "")

    def switches_off_nothing(self, shipped: Mapping[str, Rule | None]) -> Iterator[str]:
        """Yield a problem for each row that is to switch off what is not there."""
        for row in self.rows:
            if row.is_off and row.name is not None and row.name not in shipped:
                near = get_close_matches(row.name, shipped, n=1)
                meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(shipped)}"
                yield f"{self.where(row)}: no rule of this name is shipped; {meant}"

    def _rows(self, content: bytes | str) -> Iterator[Mapping[str, Any]]:
        if isinstance(content, str):
            self.problems.append(f"{self.file} {content}")
            return
        try:
            table = tomllib.loads(content.decode())
        except UnicodeDecodeError:
            self.problems.append(f"{self.file} is not UTF-8; save it as such")
            return
        except (ValueError, RecursionError) as exc:  # a ValueError also: a number of thousands of digits
            self.problems.append(f"{self.file} is not TOML: {exc}")
            return
        foreign = [one_line(name) for name in table if name != "rule"]
        self.problems += [f"{self.file}: {name} means nothing here; write [[rule]]" for name in foreign]
        listed = table.get("rule", [])
        if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
            self.problems.append(f"{self.file}: rule is no list of tables; write [[rule]] above each")
            return
        if len(listed) > _MOST_ROWS:
            self.problems.append(f"{self.file} has {len(listed)} rules; write at most {_MOST_ROWS}")
            return
        yield from listed

    def _add(self, row: Row, name: str, rule: Rule | None) -> None:
        if name in self.rules:
            self.problems.append(f"{self.where(row)}: there are two of this name; write another")
        elif rule is not None and (same := self._same_answers(rule)):
            self.problems.append(
                f"{self.where(row)}: concerns the same answers as {same}, and one message ends in one way; "
                "leave one of them out"
            )
        self.rules[name] = rule

    def _same_answers(self, rule: Rule) -> str | None:
        if rule.scope != "recipient":
            return None
        return next(
            (name for name, r in self.rules.items() if r and r.scope == rule.scope and r.answers == rule.answers), None
        )
