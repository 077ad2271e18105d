"""What makes runs wait: everything, a page, or the run itself. Pure.

Causes are ordered by how much they hold: what is counted as waiting is counted under the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ops.board.limit_answers import Slowdown
from ops.board.page_limits import BY_HAND_MS, Kind, shipped_in_words, slowdowns
from ops.board.reading import Fields, Reading
from ops.board.redis_room import no_room
from ops.board.runs.run_answers import Cause, CauseName
from schema.event import at_us
from schema.snapshot import ProcessSnapshot
from schema.text import Figure, Text
from sender.settings import SenderSettings

NO_SENDER = Text("no sender is alive: start one with newar sender")
GRAPH_DOWN = Text("no sender reaches the Graph API; each tries again with one message at a time")
REPLICAS_MISSING = Text(
    "fewer of Redis's replicas answer than must know of a message before it may leave (REDIS_MARK_REPLICAS): "
    "nothing is sent until they do"
)
QUEUE_UNKNOWN = Text(
    "this queue does not know the run: it was emptied, or is another one. newar run recover sends what is left"
)
_HOLDS: tuple[CauseName, ...] = ("registry", "operator", "source", "brake")
_SLOWS = ("set_limit", "ceiling", "pace")
_BY_ITSELF = {
    "set_limit": Text(" by its set_limit"),
    "ceiling": Text(" by its ceiling"),
    "pace": Text(" by its pace"),
}
_BY_HAND = Text(" by hand")
_THE_PAGE, _EVERYTHING = Text("the page"), Text("everything")


class Holding:
    """What holds runs, as one reading says; what holds for several is worked out once."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.for_all = list(_services(reading))
        """What stops every service that works on runs, also where it only drains them."""
        self.everything = [*self.for_all, *_graph(reading)]
        self.no_room = no_room(reading.processes)
        """Why runs are not enqueued further; None: they are."""
        self._pages: dict[tuple[str, str], tuple[list[Cause], float | None]] = {}

    def page(self, page_id: str, content: str) -> list[Cause]:
        """Return what holds the runs of a page, or their messages of one kind (`text`, `media`)."""
        return self._of(page_id, content)[0]

    def throttled_to(self, page_id: str, content: str) -> float | None:
        """Return how many messages a second a throttled page, or the throttled app, lets through; None: neither is."""
        return self._of(page_id, content)[1]

    def _of(self, page_id: str, content: str) -> tuple[list[Cause], float | None]:
        if (page_id, content) not in self._pages:
            slowed = sorted(_slowed(page_id, content, self.reading), key=lambda one: one[1])
            throttled = [Cause.of("throttled", _slow(slow, rate), slow.until) for slow, rate in slowed]
            self._pages[page_id, content] = (
                _of_page(page_id, self.reading) + throttled,
                slowed[0][1] if slowed else None,
            )
        return self._pages[page_id, content]


def _of_page(page_id: str, reading: Reading) -> list[Cause]:
    fields, now_s = reading.pages.get(page_id, {}), reading.at_s
    found = []
    if (paused_ms := _number(fields, "paused_until_ms")) > now_s * 1000:
        detail = _pause(_THE_PAGE, fields, paused_ms, mend=f"newar page resume {page_id}")
        found.append(Cause.of("page_paused", detail, _moment(paused_ms)))
    if (breaker := fields.get("breaker") or reading.breakers.get(page_id)) in ("open", "half_open"):
        found.append(_breaker(page_id, fields, breaker))
    return found


def of_run(run_id: str, fields: Fields) -> list[Cause]:
    """Return what holds this run, its hours last."""
    found = [Cause.of(name, _held(name, run_id, fields)) for name in _HOLDS if fields.get(f"hold:{name}")]
    if fields.get("hold:window"):
        opens = _moment(_number(fields, "opens_ms"))
        detail = Text("its hours open at %(at)s", at=_said(opens)) if opens else Text("it is outside its hours")
        found.append(Cause.of("window", detail, opens))
    return found


def _held(by: CauseName, run_id: str, fields: Fields) -> Text:
    if by == "registry":
        return Text("another queue holds it, or it was finished there, as the run registry says")
    if by == "source":
        return Text("its source says that it is paused")
    if by == "brake":
        return _brake(run_id, fields)
    mend = f"newar run resume {run_id}"
    return Text("paused%(by)s: %(command)s lets it go on", by=_by(fields.get("hold:operator")), command=mend)


def _services(reading: Reading) -> Iterable[Cause]:
    senders = [process for process in reading.processes if process.sender]
    if not senders:
        yield Cause.of("no_sender", NO_SENDER)
    bound, waiting = _outbox_limit(senders), _number(reading.app, "outbox")
    if waiting >= bound:
        detail = Text(
            "%(n)s events wait for the broker, and at most %(bound)s may (OUTBOX_LIMIT): nothing is claimed",
            n=Figure(waiting, ",.0f"),
            bound=Figure(bound, ","),
        )
        yield Cause.of("outbox_full", detail)


def _outbox_limit(senders: Iterable[ProcessSnapshot]) -> int:
    """Return the largest bound that a sender has: while it is not reached, somebody claims."""
    told = [int(process.settings.get("outbox_limit", 0)) for process in senders]
    return max(told, default=0) or int(SenderSettings.model_fields["outbox_limit"].default)


def _graph(reading: Reading) -> Iterable[Cause]:
    senders = [process.sender for process in reading.processes if process.sender]
    if senders and all(sender.graph_down for sender in senders):
        yield Cause.of("graph_down", GRAPH_DOWN)
    if senders and all(sender.replicas_missing for sender in senders):
        yield Cause.of("mark_replicas", REPLICAS_MISSING)
    paused_ms = _number(reading.app, "paused_until_ms")
    if paused_ms > reading.at_s * 1000:
        detail = _pause(_EVERYTHING, reading.app, paused_ms, mend="newar resume --all")
        yield Cause.of("app_paused", detail, _moment(paused_ms))


def _pause(what: Text, fields: Fields, until_ms: float, *, mend: str) -> Text:
    if until_ms >= BY_HAND_MS:
        by = _by(fields.get("paused_by"))
        return Text("%(what)s is paused%(by)s: %(command)s lets it go on", what=what, by=by, command=mend)
    return Text(
        "%(what)s is paused%(by)s until %(moment)s%(why)s",
        what=what,
        by=_by_rule(fields.get("pause_rule")),
        moment=_said(_moment(until_ms)),
        why=_because(fields.get("pause_reason")),
    )


def _breaker(page_id: str, fields: Fields, state: str) -> Cause:
    retry_ms = _number(fields, "retry_at_ms")
    why, until = _because(fields.get("reason")), _moment(retry_ms)
    if retry_ms >= BY_HAND_MS:
        mend = f"newar page breaker {page_id} close"
        detail = Text("the page's breaker is open%(why)s; %(command)s lets it go on", why=why, command=mend)
    elif state == "half_open":
        detail = Text("one message tries whether the page works again%(why)s", why=why)
    else:
        detail = Text(
            "the page's breaker is open%(by)s%(why)s; one message tries again at %(moment)s",
            by=_by_rule(fields.get("breaker_rule")),
            why=why,
            moment=_said(until),
        )
    return Cause.of("breaker", detail, until)


def _slowed(page_id: str, content: str, reading: Reading) -> list[tuple[Slowdown, float]]:
    """Return what makes a page, or the app, slower than its own limit, with the messages a second it lets through."""
    found = reading.limits
    if found is None:
        return []
    default = getattr(reading.defaults.limits, content)
    own = float(reading.pages.get(page_id, {}).get(f"limit_{content}") or default)
    scopes: list[tuple[Kind, Fields | None, str]] = [
        ("page", found.pages.get(page_id), f"{content}_now"),
        ("app", found.app, "now"),
    ]
    slowed = []
    for kind, fields, name in scopes:
        if fields is None or (rate := float(fields.get(name) or 0)) == 0:
            continue
        if kind == "page" and rate >= own:
            continue  # a person has set it higher than its own limit
        slowed += [
            (slow, rate) for slow in slowdowns(kind, fields, found.now_us, shipped_in_words()) if slow.what in _SLOWS
        ]
    return slowed


def _slow(slow: Slowdown, rate: float) -> Text:
    until = Text(" until %(moment)s", moment=_said(slow.until)) if slow.until else ""
    return Text(
        "%(what)s is throttled to %(rate)s/s%(by)s%(until)s (%(effect)s)",
        what=_THE_PAGE if slow.scope == "page" else _EVERYTHING,
        rate=Figure(rate, ".3g"),
        by=_BY_HAND if slow.by_hand else _by_rule(slow.rule) or _BY_ITSELF[slow.what],
        until=until,
        effect=slow.text("effect"),
    )


def _brake(run_id: str, fields: Fields) -> Text:
    since = _moment(_number(fields, "brake_at_ms"))
    return Text(
        "braked by the rule %(rule)s%(since)s%(why)s; %(command)s lets it go on",
        rule=fields.get("brake_rule", "?"),
        since=Text(" since %(moment)s", moment=Figure(since)) if since else "",
        why=_because(fields.get("brake_reason")),
        command=f"newar run resume {run_id}",
    )


def _by_rule(rule: str | None) -> Text | str:
    return Text(" by the rule %(rule)s", rule=rule) if rule is not None else ""


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _by(who: str | None) -> Text:
    return Text(" by %(who)s", who=who) if who and who != "1" else _BY_HAND


def _number(fields: Fields, name: str) -> float:
    return float(fields.get(name) or 0)


def _moment(ms: float) -> datetime | None:
    """Return a moment; None when it is missing, or only a person ends it."""
    return at_us(int(ms) * 1000) if 0 < ms < BY_HAND_MS else None


def _said(moment: datetime | None) -> Figure | Text:
    return Figure(moment.astimezone(UTC)) if moment else Text("an unknown moment")
