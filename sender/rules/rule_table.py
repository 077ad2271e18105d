"""Which rules an answer fits. Whether those that count have come to their number, the queue knows."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path

from schema.outcomes import ErrorClass
from sender.graph.api.classify import Answer
from sender.graph.api.usage import Usage
from sender.rules.rule import Pool, Rule, pack
from sender.rules.rule_fields import as_compared
from sender.rules.rule_file import read_rules
from sender.rules.rule_row import FromSettings

_LONG_NUMBER = 1_000_000
"""From here on Meta prints a subcode as the code too, and it means the same (platform facts 2.3)."""
_MOST_KEPT = 2_000
"""Kinds of answers whose rules are remembered. Codes come from outside: beyond this all is found anew."""
_NO_USAGE = Usage()

_Kind = tuple[object, ...]
_Found = tuple[tuple[Rule, ...], bytes]
_NOTHING: _Found = ((), b"")


def load(path: Path | None, threshold: int, cooldown_ms: int) -> RuleTable:
    """Read the shipped table and an operator's file over it.

    Args:
        path: RULES_FILE, None for the shipped table alone.
        threshold: CIRCUIT_BREAKER_THRESHOLD, for rows that leave their number to the setting.
        cooldown_ms: CIRCUIT_BREAKER_COOLDOWN_MS, likewise.

    Raises:
        SettingsError: with a line for each problem: file, row, what to write.
    """
    return RuleTable(read_rules(path, FromSettings(threshold, cooldown_ms)))


class RuleTable:
    """All rules that hold, in order; a later one counts more than an earlier one of the same rank."""

    def __init__(self, rules: list[Rule]) -> None:
        self.rules = tuple(rules)
        self._of_recipients = [r for r in rules if r.scope == "recipient"]
        self._of_others = [r for r in rules if r.scope != "recipient"]
        self._texts = tuple({r.text for r in rules if r.text})
        self._page_steps = _steps(rules, "page")
        self._app_steps = _steps(rules, "app")
        self._others: dict[_Kind, _Found] = {}
        self._recipients: dict[_Kind, Rule | None] = {}

    def matching(self, answer: Answer) -> tuple[Rule, ...]:
        """Return the rules for run, page and app that an answer fits.

        Of those that do the same to the same at once, only the strongest; others count, and are all there.
        """
        if answer.error_class is None and answer.usage is None:  # nearly all
            return ()
        return self._found(answer)[0]

    def packed(self, answer: Answer) -> bytes:
        """Return what `matching` does as the queue's scripts take it (see `pack`), empty for none."""
        if answer.error_class is None and answer.usage is None:
            return b""
        return self._found(answer)[1]

    def for_recipient(self, answer: Answer) -> Rule | None:
        """Return the rule for the message itself, None where the program's own way counts.

        The most specific one: code and subcode, subcode, text, code, class. What may have arrived has none: that is for
        the run's `on_unknown` to say.
        """
        if answer.error_class is None or answer.error_class is ErrorClass.AMBIGUOUS or not self._of_recipients:
            return None
        kind = self._kind(answer)
        if kind not in self._recipients:
            fitting = [r for r in self._of_recipients if fits(r, answer)]
            _make_room(self._recipients)
            self._recipients[kind] = max(reversed(fitting), key=_rank, default=None)
        return self._recipients[kind]

    def named(self, name: str) -> Rule | None:
        """Return the rule of this name."""
        return next((r for r in self.rules if r.name == name), None)

    def _found(self, answer: Answer) -> _Found:
        kind = self._kind(answer)
        found = self._others.get(kind)
        if found is None:
            rules = _strongest([r for r in self._of_others if fits(r, answer)])
            found = (rules, pack(rules)) if rules else _NOTHING
            _make_room(self._others)
            self._others[kind] = found
        return found

    def _kind(self, answer: Answer) -> _Kind:
        """Return what all rules look at, so that answers of one kind fit the same."""
        usage = answer.usage or _NO_USAGE
        page = bisect_right(self._page_steps, usage.page_percent)
        app = bisect_right(self._app_steps, usage.app_percent)
        if not self._texts or answer.message is None:
            return (answer.error_class, answer.code, answer.subcode, page, app)
        message = as_compared(answer.message)
        pieces = tuple(text for text in self._texts if text in message)
        return (answer.error_class, answer.code, answer.subcode, page, app, pieces)


def fits(rule: Rule, answer: Answer) -> bool:
    """Tell whether an answer meets all conditions of a rule."""
    numbers = {answer.subcode}
    if answer.code is not None and answer.code >= _LONG_NUMBER:
        numbers.add(answer.code)
    if rule.error_class is not None and rule.error_class is not answer.error_class:
        return False
    if (rule.codes and answer.code not in rule.codes) or answer.code in rule.unless_codes:
        return False
    if (rule.subcodes and not numbers & rule.subcodes) or numbers & rule.unless_subcodes:
        return False
    if rule.text and rule.text not in as_compared(answer.message or ""):
        return False
    if rule.pool is None:
        return True
    usage = answer.usage or _NO_USAGE
    percent = usage.page_percent if rule.pool == "page" else usage.app_percent
    return not (
        (rule.usage_at_least is not None and percent < rule.usage_at_least)
        or (rule.usage_below is not None and percent >= rule.usage_below)
    )


def _rank(rule: Rule) -> tuple[bool, ...]:
    """Return how specific a rule is; of equal ones one that looks at the usage is more so."""
    conditions = (bool(rule.codes and rule.subcodes), bool(rule.subcodes), bool(rule.text), bool(rule.codes))
    return (*conditions, rule.pool is not None)


def _strongest(rules: list[Rule]) -> tuple[Rule, ...]:
    """Leave out, of rules that do the same to the same at once, all but the strongest: at 96 % those for 85 %."""
    best: dict[tuple[str, str], Rule] = {}
    for rule in rules:
        what = (rule.scope, rule.action)
        if rule.at_once and (what not in best or _strength(rule) >= _strength(best[what])):
            best[what] = rule
    return tuple(r for r in rules if not r.at_once or best[r.scope, r.action] is r)


def _strength(rule: Rule) -> tuple[float, int, int]:
    return -rule.factor, rule.for_ms, rule.longest_ms


def _steps(rules: list[Rule], pool: Pool) -> list[float]:
    """Return the levels of a pool's usage between which all answers fit the same rules."""
    levels = [level for r in rules if r.pool == pool for level in (r.usage_at_least, r.usage_below)]
    return sorted({level for level in levels if level is not None})


def _make_room(kept: dict[_Kind, _Found] | dict[_Kind, Rule | None]) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
