"""Rules as people read them: which answers, when, and what then. For pages and commands that explain."""

from __future__ import annotations

from collections.abc import Iterable

from schema.text import N_, Figure, Text
from sender.rules.rule import Action, Rule
from sender.rules.rule_fields import duration

_WHOM = {
    "recipient": Text("the recipient"),
    "run": Text("the run"),
    "page": Text("the page"),
    "app": Text("the app"),
}
_POOLS = {"page": Text("page"), "app": Text("app")}
_EFFECTS: dict[Action, str] = {
    "retry": N_("tries again, %(times)s times at most%(first)s"),
    "fail": N_("gives the message up as `failed`"),
    "suppress": N_("gives the message up as `suppressed`"),
    "delay": N_("lets %(whom)s wait for %(time)s"),
    "brake": N_("holds %(whom)s until a person resumes or cancels it"),
    "pause": N_("pauses %(whom)s for %(time)s"),
    "pace": N_("slows %(whom)s down to %(percent)s of the rate it had"),
    "ceiling": N_("lets %(whom)s have %(percent)s of its limit for %(time)s"),
    "hold_pace": N_("lets %(whom)s become no faster for %(time)s"),
    "breaker": N_("opens the breaker of %(whom)s for %(time)s"),
}


def answers(rule: Rule) -> list[Text]:
    """Return which answers it concerns: `class rate_limit_page, code 613, page usage below 90 %`."""
    parts = [Text("class %(name)s", name=rule.error_class)] if rule.error_class else []
    parts += [Text("code %(numbers)s", numbers=_numbers(rule.codes))] if rule.codes else []
    parts += [Text("subcode %(numbers)s", numbers=_numbers(rule.subcodes))] if rule.subcodes else []
    parts += [Text("code other than %(numbers)s", numbers=_numbers(rule.unless_codes))] if rule.unless_codes else []
    others = rule.unless_subcodes
    parts += [Text("subcode other than %(numbers)s", numbers=_numbers(others))] if others else []
    parts += [Text('text with "%(text)s"', text=rule.text)] if rule.text else []
    return parts + _usage(rule)


def _usage(rule: Rule) -> list[Text]:
    pool = _POOLS[rule.pool] if rule.pool else ""
    least = None if rule.usage_at_least is None else Figure(rule.usage_at_least, "g")
    below = None if rule.usage_below is None else Figure(rule.usage_below, "g")
    if least and below:
        return [Text("%(pool)s usage from %(least)s %% on and below %(below)s %%", pool=pool, least=least, below=below)]
    if least:
        return [Text("%(pool)s usage from %(least)s %% on", pool=pool, least=least)]
    return [Text("%(pool)s usage below %(below)s %%", pool=pool, below=below)] if below else []


def trigger(rule: Rule) -> Text:
    """Return when it acts: `at the first`, `10 in a row`, `20 of the last 50, and more than 50 %`."""
    if rule.at_once:
        return Text("at the first")
    if rule.in_a_row:
        return Text("%(n)s in a row", n=rule.in_a_row)
    return Text(
        "%(n)s of the last %(of)s %(kind)s%(share)s",
        n=rule.count,
        of=rule.of,
        kind=Text("first attempts") if rule.scope == "run" else Text("answers"),
        share=Text(", and more than %(share)s of them", share=Figure(rule.share, ".0%")) if rule.share else "",
    )


def effect(rule: Rule) -> Text:
    """Return what it does: `pauses the page for 2s, doubling to 1min`."""
    time = duration(rule.for_ms) if rule.for_ms else ""
    doubling = Text(", doubling to %(time)s", time=duration(rule.longest_ms)) if rule.longest_ms > rule.for_ms else ""
    growing = Text("%(time)s%(doubling)s", time=time, doubling=doubling)
    return Text(
        _EFFECTS[rule.action],
        whom=_WHOM[rule.scope],
        time=growing,
        first=Text(", first after %(time)s", time=growing) if time else "",
        times=rule.times,
        percent=Figure(rule.factor, ".0%"),
    )


def sentence(rule: Rule) -> Text:
    """Return the whole rule on one line."""
    return Text(
        "%(name)s: %(answers)s; %(trigger)s: %(effect)s",
        name=rule.name,
        answers=answers(rule),
        trigger=trigger(rule),
        effect=effect(rule),
    )


def _numbers(numbers: Iterable[int]) -> Text | str:
    *most, last = [str(n) for n in sorted(numbers)]
    return Text("%(most)s or %(last)s", most=", ".join(most), last=last) if most else last
