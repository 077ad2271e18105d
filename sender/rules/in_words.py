"""Rules as people read them: which answers, when, and what then. For pages and commands that explain."""

from __future__ import annotations

from collections.abc import Iterable

from sender.rules.rule import Action, Rule
from sender.rules.rule_fields import duration

_WHOM = {"recipient": "the recipient", "run": "the run", "page": "the page", "app": "the app"}
_EFFECTS: dict[Action, str] = {
    "retry": "tries again, {times} times at most{first}",
    "fail": "gives the message up as `failed`",
    "suppress": "gives the message up as `suppressed`",
    "delay": "lets {whom} wait for {time}",
    "brake": "holds {whom} until a person resumes or cancels it",
    "pause": "pauses {whom} for {time}",
    "pace": "slows {whom} down to {percent} of the rate it had",
    "ceiling": "lets {whom} have {percent} of its limit for {time}",
    "hold_pace": "lets {whom} become no faster for {time}",
    "breaker": "opens the breaker of {whom} for {time}",
}


def answers(rule: Rule) -> str:
    """Return which answers it concerns: `class rate_limit_page, code 613, page usage below 90 %`."""
    parts = [f"class {rule.error_class}"] if rule.error_class else []
    parts += [f"code {_numbers(rule.codes)}"] if rule.codes else []
    parts += [f"subcode {_numbers(rule.subcodes)}"] if rule.subcodes else []
    parts += [f"code other than {_numbers(rule.unless_codes)}"] if rule.unless_codes else []
    parts += [f"subcode other than {_numbers(rule.unless_subcodes)}"] if rule.unless_subcodes else []
    parts += [f'text with "{rule.text}"'] if rule.text else []
    usage = [f"from {rule.usage_at_least:g} % on"] if rule.usage_at_least is not None else []
    usage += [f"below {rule.usage_below:g} %"] if rule.usage_below is not None else []
    parts += [f"{rule.pool} usage {' and '.join(usage)}"] if usage else []
    return ", ".join(parts)


def trigger(rule: Rule) -> str:
    """Return when it acts: `at the first`, `10 in a row`, `20 of the last 50, and more than 50 %`."""
    if rule.at_once:
        return "at the first"
    if rule.in_a_row:
        return f"{rule.in_a_row} in a row"
    kind = "first attempts" if rule.scope == "run" else "answers"
    share = f", and more than {rule.share:.0%} of them" if rule.share else ""
    return f"{rule.count} of the last {rule.of} {kind}{share}"


def effect(rule: Rule) -> str:
    """Return what it does: `pauses the page for 2s, doubling to 1min`."""
    time = duration(rule.for_ms) if rule.for_ms else ""
    doubling = f", doubling to {duration(rule.longest_ms)}" if rule.longest_ms > rule.for_ms else ""
    return _EFFECTS[rule.action].format(
        whom=_WHOM[rule.scope],
        time=f"{time}{doubling}",
        first=f", first after {time}{doubling}" if time else "",
        times=rule.times,
        percent=f"{rule.factor:.0%}",
    )


def sentence(rule: Rule) -> str:
    """Return the whole rule on one line."""
    return f"{rule.name}: {answers(rule)}; {trigger(rule)}: {effect(rule)}"


def _numbers(numbers: Iterable[int]) -> str:
    *most, last = [str(n) for n in sorted(numbers)]
    return f"{', '.join(most)} or {last}" if most else last
