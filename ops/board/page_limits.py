"""Why a page is as fast as it is: from what the queue says to the answer of API and command line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Literal

import msgspec

from ops.board.limit_answers import AppLimit, Cause, LaneLimit, LimitsAnswer, LimitSource, Slowdown
from schema.event import at_us
from schema.snapshot import ProcessSnapshot
from schema.text import Figure, Text
from sender.queue.limit_queue import Defaults, Explained, Fields
from sender.rules.in_words import sentence
from sender.rules.rule import Rule
from sender.rules.rule_table import load
from sender.settings import SenderSettings

BY_HAND_MS = 9_000_000_000_000
"""From here on (the year 2255) a moment means: until a person says otherwise."""
LETTERS = {
    "o": "well",
    "t": "page_throttled",
    "l": "app_throttled",
    "u": "unreadable",
    "f": "page_failed",
    "a": "app_failed",
    "p": "payload_refused",
    "g": "recipient_gone",
    "n": "other",
}
_NAMES = ("rate_limit_per_page", "rate_limit_per_page_media", "rate_limit_max_jobs_per_second")
_RULE_SETTINGS = ("circuit_breaker_threshold", "circuit_breaker_cooldown_ms")
STOPPED = Text("nothing is sent")
PROBE_DUE = Text("one message goes first, the others wait for its answer")
PROBE_OUT = Text("one message is on its way, the others wait for its answer")
Kind = Literal["page", "app"]
Content = Literal["text", "media"]
CONTENTS: tuple[Content, ...] = ("text", "media")


class KnownDefaults(msgspec.Struct, frozen=True):
    """The limits where the source says none, and who says so."""

    limits: Defaults
    known_from: LimitSource
    differ: bool = False


def defaults_of(processes: Iterable[ProcessSnapshot]) -> KnownDefaults:
    """Return the limits that the running senders go by, the smallest where they differ; else the program's own."""
    told = [tuple(int(p.settings[name]) for name in _NAMES) for p in processes if set(_NAMES) <= p.settings.keys()]
    if not told:
        text, media, app = (int(SenderSettings.model_fields[name].default) for name in _NAMES)
        return KnownDefaults(Defaults(text=text, media=media, app=app), "default")
    text, media, _ = map(min, zip(*told, strict=True))
    app = min((app for *_, app in told if app), default=0)
    return KnownDefaults(Defaults(text=text, media=media, app=app), "senders", len(set(told)) > 1)


def in_words(rules: Iterable[Rule]) -> dict[str, Text]:
    """Return every rule's name and what it says."""
    return {rule.name: sentence(rule) for rule in rules}


@cache
def shipped_in_words() -> dict[str, Text]:
    """Return `in_words` of the rules that come with the program; what a setting says stands there as its default."""
    threshold, cooldown_ms = (int(SenderSettings.model_fields[name].default) for name in _RULE_SETTINGS)
    return in_words(load(None, threshold, cooldown_ms).rules)


def explained(page_id: str, found: Explained, defaults: KnownDefaults, words: Mapping[str, Text]) -> LimitsAnswer:
    """Return the answer for one of the pages found; `words`: as of `in_words`, for the rules that are known."""
    page, app = _Scope("page", found.pages[page_id], found.now_us, words), _Scope("app", found.app, found.now_us, words)
    return LimitsAnswer(
        page_id=page_id,
        at=at_us(found.now_us),
        lanes=[
            LaneLimit(
                content=content,
                limit=round(page.number(f"{content}_limit"), 2),
                limit_from=page.limit_from(content, defaults.known_from),
                now_per_s=0.0 if page.stopped or app.stopped else round(page.number(f"{content}_now"), 2),
                reached_per_s=round(page.number(f"{content}_rate"), 1),
                runs=int(page.number(f"{content}_runs")),
            )
            for content in CONTENTS
        ],
        app=AppLimit(
            limit=app.number("limit") or None,
            now_per_s=0.0 if app.stopped else round(app.number("now"), 2) or None,
            reached_per_s=round(app.number("rate"), 1),
        ),
        because=[*page.slowdowns(), *app.slowdowns()],
        last_answers=page.last_answers(),
        last_app_answers=app.last_answers(),
        senders_differ=defaults.differ,
    )


def slowdowns(kind: Kind, fields: Fields, now_us: int, words: Mapping[str, Text]) -> list[Slowdown]:
    """Return all that slows a page or the app, what stops it first; `fields`: those of `pages/explain.lua`."""
    return list(_Scope(kind, fields, now_us, words).slowdowns())


class _Scope:
    """What holds for a page or for the app."""

    def __init__(self, kind: Kind, fields: Fields, now_us: int, words: Mapping[str, Text]) -> None:
        self._kind = kind
        self._fields = fields
        self._now_us = now_us
        self._words = words
        breaker = fields.get("breaker") in ("open", "half_open")
        self._paused = self._ahead("paused_until_ms")
        self._cooling = breaker and self._ahead("retry_at_ms")
        self.stopped = self._paused or self._cooling

    def number(self, name: str) -> float:
        """Return a field; 0 when it is missing."""
        return float(self._fields.get(name) or 0)

    def limit_from(self, content: Content, otherwise: LimitSource) -> LimitSource:
        """Say whose word the limit is."""
        if self._ahead("set_limit_until_ms") and self.number(f"{content}_limit") == self.number("set_limit"):
            return "by_hand"
        return "source" if self._fields.get(f"limit_{content}") else otherwise

    def last_answers(self) -> dict[str, int]:
        """Return how many of the last answers said what."""
        counts = {name: self._fields.get("answers", "").count(letter) for letter, name in LETTERS.items()}
        return {name: n for name, n in counts.items() if n}

    def slowdowns(self) -> Iterator[Slowdown]:
        """Yield all that slows it, what stops it first."""
        yield from self._pause()
        yield from self._breaker()
        if self._ahead("set_limit_until_ms"):
            effect = Text("%(rate)s/s instead of its own limit", rate=Figure(self.number("set_limit"), "g"))
            yield self._slowdown("set_limit", effect, until=self._at("set_limit_until_ms"), by_hand=True)
        if self._ahead("ceiling_until_us"):
            ceiling = self.number("ceiling")
            effect = (
                Text("at most %(share)s of the limit", share=Figure(ceiling, ".0%"))
                if self._kind == "page"
                else Text("at most %(rate)s/s", rate=Figure(ceiling, ".3g"))
            )
            yield self._slowdown("ceiling", effect, "ceiling_rule", until=self._at("ceiling_until_us"))
        yield from self._pace()

    def _pause(self) -> Iterator[Slowdown]:
        by_hand = self.number("paused_until_ms") >= BY_HAND_MS
        if self._paused and self._fields.get("probe") == "out":
            yield self._slowdown("probe", PROBE_OUT, "pause_rule", "pause_reason", until=self._at("paused_until_ms"))
        elif self._paused:
            until = self._at("paused_until_ms")
            yield self._slowdown("pause", STOPPED, "pause_rule", "pause_reason", until=until, by_hand=by_hand)
        elif "probe" in self._fields:
            yield self._slowdown("probe", PROBE_DUE, "pause_rule", "pause_reason")

    def _breaker(self) -> Iterator[Slowdown]:
        state = self._fields.get("breaker")
        if state not in ("open", "half_open"):
            return
        effect = (PROBE_OUT if state == "half_open" else STOPPED) if self._cooling else PROBE_DUE
        until = self._at("retry_at_ms") if self._cooling else None
        by_hand = self.number("retry_at_ms") >= BY_HAND_MS
        yield self._slowdown("breaker", effect, "breaker_rule", "reason", until=until, by_hand=by_hand)

    def _pace(self) -> Iterator[Slowdown]:
        if self._kind == "page":
            share = self.number("text_now") / (self.number("text_limit") or 1)
            slowed = "pace" in self._fields and share < 1
            effect = Text("%(share)s of the limit now", share=Figure(share, ".0%"))
        else:
            now, limit = self.number("now"), self.number("limit")
            slowed = "pace_rate" in self._fields and now > 0 and (not limit or now < limit)
            effect = Text("%(rate)s/s now", rate=Figure(now, ".3g"))
        if slowed:
            held = self._ahead("hold_until_us") and self._at("hold_until_us")
            growth = (
                Text("not growing before %(moment)s", moment=Figure(held, "%H:%M:%SZ")) if held else Text("growing")
            )
            both = Text("%(effect)s, %(growth)s", effect=effect, growth=growth)
            yield self._slowdown("pace", both, "pace_rule", until=self._at("full_us"))

    def _slowdown(
        self,
        what: Cause,
        effect: Text,
        rule: str = "",
        reason: str = "",
        *,
        until: datetime | None = None,
        by_hand: bool = False,
    ) -> Slowdown:
        name = None if by_hand else self._fields.get(rule)
        in_words = self._words.get(name or "")
        made = Slowdown(
            what=what,
            scope=self._kind,
            effect=str(effect),
            rule=name,
            rule_in_words=str(in_words) if in_words else None,
            reason=self._fields.get(reason),
            by_hand=by_hand,
            until=until,
        )
        return made.worded(effect=effect, **({"rule_in_words": in_words} if in_words else {}))

    def _us(self, name: str) -> float:
        return self.number(name) * (1000 if name.endswith("_ms") else 1)

    def _ahead(self, name: str) -> bool:
        return self._us(name) > self._now_us

    def _at(self, name: str) -> datetime | None:
        """Return a moment; None when it is missing, or only a person ends it."""
        us = self._us(name)
        return at_us(int(us)) if 0 < us < BY_HAND_MS * 1000 else None
