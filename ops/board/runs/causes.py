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
from sender.settings import SenderSettings

NO_SENDER = "no sender is alive: start one with newar sender"
GRAPH_DOWN = "no sender reaches the Graph API; each tries again with one message at a time"
QUEUE_UNKNOWN = (
    "this queue does not know the run: it was emptied, or is another one. newar run recover sends what is left"
)
_HOLDS: tuple[CauseName, ...] = ("registry", "operator", "source", "brake")
_SLOWS = ("set_limit", "ceiling", "pace")


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
            throttled = [Cause("throttled", _slow(slow, rate), slow.until) for slow, rate in slowed]
            self._pages[page_id, content] = (
                _of_page(page_id, self.reading) + throttled,
                slowed[0][1] if slowed else None,
            )
        return self._pages[page_id, content]


def _of_page(page_id: str, reading: Reading) -> list[Cause]:
    fields, now_s = reading.pages.get(page_id, {}), reading.at_s
    found = []
    if (paused_ms := _number(fields, "paused_until_ms")) > now_s * 1000:
        detail = _pause("the page", fields, paused_ms, mend=f"newar page resume {page_id}")
        found.append(Cause("page_paused", detail, _moment(paused_ms)))
    if (breaker := fields.get("breaker") or reading.breakers.get(page_id)) in ("open", "half_open"):
        found.append(_breaker(page_id, fields, breaker))
    return found


def of_run(run_id: str, fields: Fields) -> list[Cause]:
    """Return what holds this run, its hours last."""
    found = [Cause(name, _held(name, run_id, fields)) for name in _HOLDS if fields.get(f"hold:{name}")]
    if fields.get("hold:window"):
        opens = _moment(_number(fields, "opens_ms"))
        detail = f"its hours open at {_said(opens)}" if opens else "it is outside its hours"
        found.append(Cause("window", detail, opens))
    return found


def _held(by: CauseName, run_id: str, fields: Fields) -> str:
    if by == "registry":
        return "another queue holds it, or it was finished there, as the run registry says"
    if by == "source":
        return "its source says that it is paused"
    if by == "brake":
        return _brake(run_id, fields)
    return f"paused by {_person(fields.get('hold:operator'))}: newar run resume {run_id} lets it go on"


def _services(reading: Reading) -> Iterable[Cause]:
    senders = [process for process in reading.processes if process.sender]
    if not senders:
        yield Cause("no_sender", NO_SENDER)
    bound, waiting = _outbox_limit(senders), _number(reading.app, "outbox")
    if waiting >= bound:
        detail = (
            f"{waiting:,.0f} events wait for the broker, and at most {bound:,} may (OUTBOX_LIMIT): nothing is claimed"
        )
        yield Cause("outbox_full", detail)


def _outbox_limit(senders: Iterable[ProcessSnapshot]) -> int:
    """Return the largest bound that a sender has: while it is not reached, somebody claims."""
    told = [int(process.settings.get("outbox_limit", 0)) for process in senders]
    return max(told, default=0) or int(SenderSettings.model_fields["outbox_limit"].default)


def _graph(reading: Reading) -> Iterable[Cause]:
    senders = [process.sender for process in reading.processes if process.sender]
    if senders and all(sender.graph_down for sender in senders):
        yield Cause("graph_down", GRAPH_DOWN)
    paused_ms = _number(reading.app, "paused_until_ms")
    if paused_ms > reading.at_s * 1000:
        detail = _pause("everything", reading.app, paused_ms, mend="newar resume --all")
        yield Cause("app_paused", detail, _moment(paused_ms))


def _pause(what: str, fields: Fields, until_ms: float, *, mend: str) -> str:
    if until_ms >= BY_HAND_MS:
        return f"{what} is paused by {_person(fields.get('paused_by'))}: {mend} lets it go on"
    rule = f" by the rule {fields['pause_rule']}" if "pause_rule" in fields else ""
    reason = f": {fields['pause_reason']}" if fields.get("pause_reason") else ""
    return f"{what} is paused{rule} until {_said(_moment(until_ms))}{reason}"


def _breaker(page_id: str, fields: Fields, state: str) -> Cause:
    retry_ms = _number(fields, "retry_at_ms")
    by_hand = retry_ms >= BY_HAND_MS
    rule = f" by the rule {fields['breaker_rule']}" if "breaker_rule" in fields and not by_hand else ""
    reason = f": {fields['reason']}" if fields.get("reason") else ""
    if by_hand:
        mend = f"newar page breaker {page_id} close"
        return Cause("breaker", f"the page's breaker is open{reason}; {mend} lets it go on")
    if state == "half_open":
        return Cause("breaker", f"one message tries whether the page works again{reason}", _moment(retry_ms))
    return Cause(
        "breaker",
        f"the page's breaker is open{rule}{reason}; one message tries again at {_said(_moment(retry_ms))}",
        _moment(retry_ms),
    )


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


def _slow(slow: Slowdown, rate: float) -> str:
    what = "the page is" if slow.scope == "page" else "everything is"
    by = "by hand" if slow.by_hand else f"by the rule {slow.rule}" if slow.rule else f"by its {slow.what}"
    until = f" until {_said(slow.until)}" if slow.until else ""
    return f"{what} throttled to {rate:.3g}/s {by}{until} ({slow.effect})"


def _brake(run_id: str, fields: Fields) -> str:
    since = _moment(_number(fields, "brake_at_ms"))
    reason = f": {fields['brake_reason']}" if fields.get("brake_reason") else ""
    when = f" since {_said(since)}" if since else ""
    return f"braked by the rule {fields.get('brake_rule', '?')}{when}{reason}; newar run resume {run_id} lets it go on"


def _person(who: str | None) -> str:
    return who if who and who != "1" else "hand"


def _number(fields: Fields, name: str) -> float:
    return float(fields.get(name) or 0)


def _moment(ms: float) -> datetime | None:
    """Return a moment; None when it is missing, or only a person ends it."""
    return at_us(int(ms) * 1000) if 0 < ms < BY_HAND_MS else None


def _said(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if moment else "an unknown moment"
