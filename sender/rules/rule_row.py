"""One row of a table of rules, made a rule: what its fields need of each other. Every problem is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from schema.outcomes import ErrorClass
from sender.graph.api.error_table import classes_of
from sender.rules.rule import Rule
from sender.rules.rule_fields import (
    ACTIONS,
    ALL_ACTIONS,
    FIELDS,
    OFF,
    SETTING,
    Unfit,
    duration,
    listed,
    one_line,
    shown,
)

_CONDITIONS = ("class", "code", "subcode", "text", "usage_at_least")
"""One of them makes a row concern some answers and not all."""
_TRIGGER = ("count", "of", "share", "in_a_row")
_EFFECT = ("for", "longest", "factor", "times")
_NEEDS: dict[str, tuple[str, ...]] = {
    "retry": ("times",),
    "delay": ("for",),
    "pause": ("for",),
    "ceiling": ("for", "factor"),
    "hold_pace": ("for",),
    "breaker": ("for",),
}
_MAY_HAVE: dict[str, tuple[str, ...]] = {
    "retry": ("for", "longest"),
    "delay": ("longest",),
    "pause": ("longest",),
    "pace": ("factor",),
    "breaker": ("longest",),
}
_EXAMPLES = {"for": 'for = "60s"', "factor": "factor = 0.5", "times": "times = 3"}
_USUAL_CUT = 0.7
"""Cubic growth from 0.7 of the rate reached uses 91 % of a hidden limit; halving and a straight climb used 75 %."""
_COUNTED = (
    ErrorClass.RATE_LIMIT_PAGE,
    ErrorClass.RATE_LIMIT_APP,
    ErrorClass.AUTH_PAGE,
    ErrorClass.AUTH_APP,
    ErrorClass.POLICY_PAGE,
    ErrorClass.RECIPIENT_PERMANENT,
    ErrorClass.BAD_PAYLOAD,
    ErrorClass.AMBIGUOUS,
)
"""The kinds of which the queue keeps count."""


class FromSettings(msgspec.Struct, frozen=True):
    """What `"setting"` in a row stands for."""

    threshold: int
    cooldown_ms: int


class Row:
    """A row as it stands in the file: `fields` those that could be read, `problems` what is wrong with the others."""

    def __init__(self, number: int, content: Mapping[str, Any]) -> None:
        self.number = number
        self.given = content
        self.fields: dict[str, Any] = {}
        self.problems: list[str] = []
        for field, value in content.items():
            if field not in FIELDS:
                near = get_close_matches(field, FIELDS, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(FIELDS)}"
                self.problems.append(f"{one_line(field)} is no field of a rule; {hint}")
                continue
            try:
                self.fields[field] = FIELDS[field](value)
            except Unfit as exc:
                self.problems.append(f"{field} = {shown(value)}: {exc}")
        self.problems += [
            f"{field} is missing; write {field} = {example}"
            for field, example in (
                ("name", '"..."'),
                ("scope", f"one of {', '.join(ACTIONS)}"),
                ("action", f"one of {', '.join(ALL_ACTIONS)}"),
            )
            if field not in content and not (field == "scope" and self.is_off)
        ]

    @property
    def name(self) -> str | None:
        """The rule's name, None when it has none that can be used."""
        return self.fields.get("name")

    @property
    def is_off(self) -> bool:
        """Whether it only switches a shipped rule off; its other fields then mean nothing."""
        return self.fields.get("action") == OFF

    def rule(self, settings: FromSettings) -> Rule | None:
        """Return the rule, None with `problems` when this row is none."""
        self.problems += self._impossible()
        if self.problems:
            return None
        f = self.fields
        for_ms = settings.cooldown_ms if f.get("for") == SETTING else f.get("for", 0)
        in_a_row = settings.threshold if f.get("in_a_row") == SETTING else f.get("in_a_row", 0)
        return Rule(
            name=f["name"],
            scope=f["scope"],
            action=f["action"],
            error_class=f.get("class"),
            codes=f.get("code", frozenset()),
            subcodes=f.get("subcode", frozenset()),
            unless_codes=f.get("unless_code", frozenset()),
            unless_subcodes=f.get("unless_subcode", frozenset()),
            text=f.get("text", ""),
            pool=f.get("pool"),
            usage_at_least=f.get("usage_at_least"),
            usage_below=f.get("usage_below"),
            count=f.get("count", 0),
            of=f.get("of", 0),
            share=f.get("share", 0.0),
            in_a_row=in_a_row,
            for_ms=for_ms,
            longest_ms=max(for_ms, f.get("longest", 0)),
            factor=f.get("factor", _USUAL_CUT if f["action"] == "pace" else 1.0),
            times=f.get("times", 0),
            source=f.get("source", ""),
        )

    def _impossible(self) -> Iterator[str]:
        yield from self._answers()
        yield from self._counting()
        yield from self._doing()

    def _answers(self) -> Iterator[str]:
        """Look at which answers are meant."""
        given, f = self.given, self.fields
        wanted = _CONDITIONS[:-1] if f.get("scope") == "recipient" else _CONDITIONS
        if not any(field in given for field in wanted):
            yield f"says not which answers it concerns; write {listed(wanted)}"
        usage = [field for field in ("usage_at_least", "usage_below") if field in given]
        if usage and "pool" not in given:
            yield f'{usage[0]} needs pool; write pool = "page" or pool = "app"'
        if "pool" in given and not usage:
            yield "pool is only for usage; write usage_at_least or usage_below beside it, or leave it out"
        if f.get("usage_below", 1001) <= f.get("usage_at_least", 0):
            yield (
                f"no usage is at least {f['usage_at_least']:g} and below {f['usage_below']:g}; "
                "write a smaller usage_at_least"
            )
        for field in ("code", "subcode"):
            if field in given and f"unless_{field}" in given:
                yield f"{field} and unless_{field} exclude each other; write only {field}"
        if "class" in f and "code" in f and "subcode" in f:
            possible = {c for code in f["code"] for subcode in f["subcode"] for c in classes_of(code, subcode)}
            if f["class"] not in possible:
                yield (
                    f"these codes are never of class {f['class']}; write class = "
                    f"{listed(sorted(shown(c.value) for c in possible))}, or leave it out"
                )
        if f.get("scope") == "recipient" and f.get("class") is ErrorClass.AMBIGUOUS:
            yield "a message that may have arrived is the run's to decide; write on_unknown there, and no rule"

    def _counting(self) -> Iterator[str]:
        """Look at when it acts."""
        given, f = self.given, self.fields
        counting = [field for field in _TRIGGER if field in given]
        if not counting:
            return
        if f.get("scope") == "recipient":
            yield f"a rule for one recipient acts at once; leave out {', '.join(counting)}"
            return
        if "in_a_row" in given and len(counting) > 1:
            yield f"in_a_row stands alone; leave out {', '.join(c for c in counting if c != 'in_a_row')}"
        elif "in_a_row" not in given and ("count" not in given or "of" not in given):
            yield f"{counting[0]} needs count and of; write for example count = 20, of = 50"
        if f.get("count", 0) > f.get("of", 50):
            yield f"never are {f['count']} of {f['of']}; write of = {f['count']} or more, or a smaller count"
        if "class" not in given or ("class" in f and f["class"] not in _COUNTED):
            yield f"only kinds of answers are counted; write class = {listed(shown(c.value) for c in _COUNTED)}"

    def _doing(self) -> Iterator[str]:
        """Look at what it does."""
        given, f = self.given, self.fields
        if "scope" not in f or "action" not in f:
            return
        scope, action = f["scope"], f["action"]
        if action not in ACTIONS[scope]:
            fit = [s for s, actions in ACTIONS.items() if action in actions]
            yield (
                f"{action} cannot be done to scope {scope}; write action = {listed(ACTIONS[scope])}, "
                f"or scope = {listed(fit)}"
            )
            return
        needs, may_have = _NEEDS.get(action, ()), _MAY_HAVE.get(action, ())
        yield from (
            f"{action} needs {field}; write for example {_EXAMPLES[field]}" for field in needs if field not in given
        )
        idle = [field for field in _EFFECT if field in given and field not in needs + may_have]
        yield from (f"{field} means nothing to {action}; leave it out" for field in idle)
        if "longest" in given and "for" not in given and "for" not in needs:
            yield f"longest needs for; write for example {_EXAMPLES['for']}"
        for_ms = f.get("for", 0)
        if for_ms != SETTING and f.get("longest", for_ms) < for_ms:
            yield f"longest is less than for; write longest = {shown(duration(for_ms))} or more"
        if action == "pace" and f.get("factor") == 1:
            yield "factor 1 cuts nothing; write for example factor = 0.7"
