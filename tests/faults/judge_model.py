"""An exact model of what answers do to runs, pages and the app, and of how fast that lets them go. No Redis here.

The same rules as in scripts/lib/{answers,judge,actions,pace,gcra}.lua, written a second time. Times in us or ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sender.rules.rule import Rule
from tests.faults.pace_model import Clock, Pace, whole

REMEMBERED = 50
BY_HAND_MS = 9_999_999_999_999
PROBE_MS = 30_000
VAIN_US = 20e6
SAYS = {
    "page": {"p": "o", "g": "o", "a": "n", "l": "n"},
    "app": {"p": "o", "g": "o", "f": "n", "t": "n"},
    "run": {},
}


@dataclass(frozen=True)
class Said:
    """An answer as the settlement hears of it."""

    letter: str
    first: bool
    sent_us: float
    rules: tuple[Rule, ...] = ()
    error: str = ""
    token_version: str = "0"
    asked_ms: float = 0
    jitter: float = 1.0


@dataclass
class Scope:
    """A run, a page or the app."""

    kind: str
    name: str
    answers: str = ""
    looked_after: bool = False
    failures: int = 0
    breaker: str | None = None
    retry_at_ms: float = 0
    cooldowns: int = 0
    paused_until_ms: float = 0
    pause_level: int = 0
    probe: str | None = None
    probe_seen: str | None = None
    """What the group that is being settled goes by."""
    token_version: str = "0"
    braked: bool = False
    can_brake: bool = True
    payload_error: str = ""
    pace: Pace = field(default_factory=Pace)
    clocks: list[Clock] = field(default_factory=list)
    """Of the page's lanes, or the app's own."""
    changed: bool = False
    failed_now: bool = False
    """Whether the answer that is heard has counted as a failure."""

    @property
    def cut_us(self) -> float:
        return self.pace.cut_us

    def blocked(self, now: float) -> bool:
        """Whether nothing may be claimed now."""
        tried = self.breaker is not None and self.retry_at_ms * 1000 > now
        return tried or self.paused_until_ms * 1000 > now

    @property
    def probing(self) -> bool:
        return self.breaker is not None or self.probe is not None

    def probe_goes(self, now: float) -> None:
        """One message has been claimed to try it."""
        until_ms = whole(now / 1000 + PROBE_MS)
        if self.breaker:
            self.breaker, self.retry_at_ms = "half_open", until_ms
        if self.probe:
            self.probe, self.paused_until_ms = "out", until_ms

    def probe_later(self, now: float, ms: float) -> None:
        """The probe said nothing: the next one goes in `ms`."""
        at_ms = now // 1000 + ms
        if self.probe == "out" and self.paused_until_ms < BY_HAND_MS:
            self.probe, self.paused_until_ms = "due", at_ms
        if self.breaker == "half_open":
            self.retry_at_ms = at_ms

    def begin_anew(self) -> None:
        self.answers, self.changed = "", True

    def forget(self) -> None:
        """A person lets a run go: what led to its brake is not told twice."""
        self.answers = self.payload_error = ""

    def set_probe(self, probe: str | None) -> None:
        self.probe = self.probe_seen = probe


Happened = tuple[str, str, str]
"""What, scope, name."""


class Judge:
    """Settles groups of answers: `open`, then `hear` for each, then `close`."""

    def __init__(self) -> None:
        self.app = Scope("app", "app", clocks=[Clock()])
        self.pages: dict[str, Scope] = {}
        self.runs: dict[str, Scope] = {}
        self._group: dict[tuple[str, str], Scope] = {}
        self.happened: list[Happened] = []

    def page(self, name: str) -> Scope:
        return self.pages.setdefault(name, Scope("page", name, clocks=[Clock()]))

    def run(self, name: str) -> Scope:
        return self.runs.setdefault(name, Scope("run", name))

    def hear(self, run: str, page: str, said: Said, now: float) -> None:
        """One answer of the group."""
        scopes = {"run": self.run(run), "page": self.page(page), "app": self.app}
        seen = {kind: SAYS[kind].get(said.letter, said.letter) for kind in scopes}
        ruled = {rule.scope for rule in said.rules}
        watched: dict[str, Scope] = {}
        for kind, scope in scopes.items():
            scope.failed_now = False
            bad = kind in ruled or (kind != "run" and seen[kind] not in "on")
            if self._open(scope, bad=bad):
                watched[kind] = scope
        if seen["page"] == "t" and not said.first and watched["page"].probe_seen != "out":
            seen["page"] = "n"
        news = {kind for kind, scope in watched.items() if said.sent_us > scope.cut_us}
        for kind, scope in watched.items():
            if kind == "run":
                self._note_at_run(scope, said)
            elif kind in news:
                self._remember(scope, seen[kind])
                if seen[kind] == "o":
                    self._works(scope)
        for rule in sorted(said.rules, key=lambda rule: rule.action != "pace"):
            scope = watched[rule.scope]
            counts = rule.action != "breaker" and not rule.at_once
            if counts and (seen[rule.scope] == "n" or (rule.scope == "run" and not said.first)):
                continue
            if (
                rule.scope in news
                and _triggered(scope, rule, seen[rule.scope])
                and _ACT[rule.action](scope, rule, said, now)
            ):
                self.happened.append((rule.action, scope.kind, scope.name))
        for kind, scope in watched.items():
            silent = kind != "run" and seen[kind] == "n" and kind in news
            if silent and (scope.probe_seen == "out" or scope.breaker == "half_open"):
                scope.probe_later(now, 5000)

    def close(self) -> list[Happened]:
        """The group's end; return what happened."""
        for scope in self._group.values():
            if not scope.changed:
                continue
            quiet = not set(scope.answers) - set("onON")
            if quiet:
                scope.answers = ""
            scope.looked_after = not (quiet and not scope.probe_seen and not scope.breaker and not scope.failures)
        happened, self.happened, self._group = self.happened, [], {}
        return happened

    def unusable(self, page: Scope, ms: float, token_version: str, now: float) -> bool:
        """Nothing can be sent for a page as it stands."""
        if page.breaker == "open" and page.retry_at_ms * 1000 > now:
            return False
        rule = Rule(
            name="page-unusable", scope="page", action="breaker", in_a_row=1, for_ms=int(ms), longest_ms=int(ms)
        )
        self._open(page, bad=True)
        page.failed_now = False
        opened = _breaker(page, rule, Said("f", True, now, token_version=token_version), now)
        self.close()
        return opened

    def _open(self, scope: Scope, *, bad: bool) -> bool:
        known = (scope.kind, scope.name)
        if known not in self._group and (scope.looked_after or bad):
            self._group[known] = scope
            scope.changed, scope.probe_seen = False, scope.probe
        return known in self._group

    def _remember(self, scope: Scope, letter: str) -> None:
        scope.answers = (scope.answers + letter)[-REMEMBERED:]
        scope.changed = True

    def _note_at_run(self, scope: Scope, said: Said) -> None:
        if not said.first:
            return
        if said.letter == "p" and scope.payload_error != said.error:
            scope.answers, scope.payload_error = scope.answers.replace("p", "n"), said.error
        self._remember(scope, said.letter)

    def _works(self, scope: Scope) -> None:
        closed = ""
        if scope.failures and scope.breaker != "open":
            scope.failures, scope.changed = 0, True
        if scope.breaker == "half_open":
            scope.breaker, scope.cooldowns, scope.retry_at_ms = None, 0, 0
            scope.changed, closed = True, "breaker_closed"
        if scope.probe_seen == "out":
            scope.set_probe(None)
            scope.paused_until_ms, scope.pause_level = 0, 0
            scope.changed, closed = True, closed or "resumed"
        if closed:
            self.happened.append((closed, scope.kind, scope.name))


def _triggered(scope: Scope, rule: Rule, letter: str) -> bool:
    if (scope.probe_seen == "out" and rule.action == "pause") or rule.action == "breaker" or rule.at_once:
        return True
    if rule.in_a_row:
        return scope.answers[-rule.in_a_row :].lower() == letter * rule.in_a_row
    last = scope.answers[-rule.of :]
    n = last.count(letter)
    return n >= rule.count and (rule.share == 0 or n > rule.share * len(last))


def _doubled(for_ms: float, longest_ms: float, times: int) -> float:
    return min(longest_ms, for_ms * 2.0 ** min(times, 30))


def _pause(scope: Scope, rule: Rule, said: Said, now: float) -> bool:
    ms = max(_doubled(rule.for_ms, rule.longest_ms, scope.pause_level), said.asked_ms) * said.jitter
    standing_ms, now_ms = scope.paused_until_ms, now / 1000
    if standing_ms == BY_HAND_MS:
        return False
    scope.begin_anew()
    if scope.probe_seen == "due" and standing_ms > now_ms:
        if standing_ms < now_ms + said.asked_ms:
            scope.paused_until_ms = whole(now_ms + said.asked_ms * said.jitter)
        return False
    scope.paused_until_ms = whole(now_ms + ms)
    scope.pause_level += 1
    scope.set_probe("due")
    scope.pace.cut_us = now
    return True


def _breaker(scope: Scope, rule: Rule, said: Said, now: float) -> bool:
    probed = scope.breaker == "half_open" or scope.probe_seen == "out"
    if scope.kind == "page" and scope.token_version != said.token_version:
        return False
    if not scope.failed_now and (said.first or rule.in_a_row <= 1):
        scope.failures, scope.changed, scope.failed_now = scope.failures + 1, True, True
    if not probed and scope.failures < rule.in_a_row:
        return False
    if scope.kind == "app":
        return _pause(scope, rule, said, now)
    news = scope.breaker != "open"
    ms = _doubled(rule.for_ms, rule.longest_ms, scope.cooldowns if news else max(0, scope.cooldowns - 1)) * said.jitter
    if not news and scope.retry_at_ms > now / 1000 + ms:
        return False
    scope.breaker, scope.retry_at_ms = "open", whole(now / 1000 + ms)
    scope.pace.cut_us = now
    scope.cooldowns += news
    scope.begin_anew()
    return news


def _brake(scope: Scope, rule: Rule, said: Said, now: float) -> bool:
    if scope.braked or not scope.can_brake:
        return False
    scope.braked = True
    scope.begin_anew()
    return True


def _in_vain(scope: Scope, share: float, n: int, beyond: bool, now: float) -> bool:
    """Whether single persons are throttled, and not the page: then cutting is of no use."""
    pace = scope.pace
    if share > 0.25 and (n >= 20 or share >= 0.5):
        return False
    if pace.vain_until_us > now:
        return n < 20 or share <= 2 * pace.vain_share
    if beyond or scope.cut_us == 0 or now - scope.cut_us > VAIN_US or pace.cut_share is None:
        return False
    if n < 20:
        return True
    if share < 0.6 * pace.cut_share:
        return False
    pace.note_in_vain(share, now)
    scope.answers, scope.changed = scope.answers.replace("t", "n"), True
    return True


def _cut(scope: Scope, rule: Rule, said: Said, now: float) -> bool:
    if scope.probe_seen or scope.breaker:
        return False
    since = "".join(letter for letter in scope.answers if not letter.isupper())
    n = len(since)
    share = since.count("t") / max(n, 1)
    beyond = scope.pace.reached is not None and scope.pace.growth(now) > 1
    if scope.kind == "page" and rule.count > 1 and _in_vain(scope, share, n, beyond, now):
        return False
    reached, a_second = _reached(scope, now)
    if reached == 0:
        return False
    left = (1 - _refused(since, beyond, a_second)) * (0.95 if beyond else 1)
    scope.pace.cut(reached, left, rule.factor, share, now, of_app=scope.kind == "app")
    scope.answers, scope.changed = scope.answers.upper(), True
    return True


def _refused(since: str, beyond: bool, a_second: float) -> float:
    """The share that was refused: of ten seconds' messages, or of the answers since the first refusal."""
    behind = since.partition("t")[2]
    if not behind:
        return 0
    return min(0.7, since.count("t") / (10 * a_second) if beyond else behind.count("t") / len(behind))


def _reached(scope: Scope, now: float) -> tuple[float, float]:
    """As a share of the limit, and in messages a second."""
    rates = [(clock.rate(now), clock.limit) for clock in scope.clocks]
    if scope.kind == "app":
        return rates[0][0], rates[0][0]
    return max(((rate / limit, rate) for rate, limit in rates if limit > 0), default=(0.0, 0.0))


def _ceiling(scope: Scope, rule: Rule, said: Said, now: float) -> bool:
    return scope.pace.lower_ceiling(rule.factor, rule.for_ms, _reached(scope, now)[0], now, of_app=scope.kind == "app")


def _hold_pace(scope: Scope, rule: Rule, said: Said, now: float) -> bool:
    scope.pace.stand_still(rule.for_ms, now)
    return False


_ACT = {
    "pause": _pause,
    "breaker": _breaker,
    "brake": _brake,
    "pace": _cut,
    "ceiling": _ceiling,
    "hold_pace": _hold_pace,
}
