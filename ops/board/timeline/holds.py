"""From acts, of people and of rules, to the stretches of time for which something held a run. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import msgspec

from ops.board.audit.audit_trail import EVERYTHING, Act
from ops.board.runs.run_answers import Cause, CauseName
from ops.board.timeline.timeline_answers import Entry, Scope

APP = "app"
"""The target of `limits reset` on everything; all other acts on it have EVERYTHING."""

_Key = tuple[Scope, CauseName]

_BEGINS: dict[str, _Key] = {
    "page pause": ("page", "page_paused"),
    "page breaker open": ("page", "breaker"),
    "page throttle": ("page", "throttled"),
    "pause --all": ("app", "app_paused"),
    "throttle --all": ("app", "throttled"),
    "senders gone": ("app", "no_sender"),
    "run brake": ("run", "brake"),
    "run queue lost": ("run", "queue_lost"),
}
_ENDS: dict[str, _Key] = {
    "page resume": ("page", "page_paused"),
    "page breaker close": ("page", "breaker"),
    "page unthrottle": ("page", "throttled"),
    "resume --all": ("app", "app_paused"),
    "unthrottle --all": ("app", "throttled"),
    "senders back": ("app", "no_sender"),
    "run recover": ("run", "queue_lost"),
    "run queue back": ("run", "queue_lost"),
}
_HOLDERS: tuple[CauseName, ...] = ("operator", "source", "registry")
_ENDS_ALL = frozenset({"run cancel", "run close", "run queue lost"})
"""Nothing of a cancelled or closed run is sent any more; and a new queue knows of no pause."""
_OF_SOME = frozenset({"retry", "recipient_hours", "scheduled"})
"""Causes that hold some messages, or are said by the run's own moments."""


def concerns(act: Act, run_id: str, page_id: str) -> bool:
    """Say whether an act was done to this run, its page or everything: ids of all kinds may be equal."""
    kind = act.what.partition(" ")[0]
    return (
        (act.target == run_id and kind == "run")
        or (act.target == page_id and kind in ("page", "limits", "suppression"))
        or (act.target == EVERYTHING and (act.what.endswith(" --all") or kind == "senders"))
        or (act.target == APP and act.what == "limits reset")
    )


def entries_of(acts: Iterable[Act]) -> list[Entry]:
    """Return moments and stretches; what lasts has no end. `acts`: oldest first."""
    found: list[Entry] = []
    standing: dict[_Key, Entry] = {}
    for act in acts:
        begun, ended = _begins(act), _ends(act, standing)
        for key in list(standing) if act.what in _ENDS_ALL else ended:
            if entry := standing.pop(key, None):
                entry.until, entry.ended_by, entry.now = act.at, act.who, False
            elif key != begun:
                scope, cause = key
                found.append(Entry(what=cause, holds=True, scope=scope, until=act.at, ended_by=act.who))
        if begun:
            scope, cause = begun
            standing[begun] = Entry(
                what=cause, holds=True, scope=scope, at=act.at, who=act.who, detail=act.detail, now=None
            )
            found.append(standing[begun])
        elif not ended:
            found.append(Entry(what=act.what, scope=_scope(act), at=act.at, who=act.who, detail=act.detail))
    return found


def of_the_run(entries: Iterable[Entry], taken_at: datetime | None, ended_at: datetime | None) -> list[Entry]:
    """Return those that fall between its beginning and its end; what lasted at its end, lasted until then."""
    found = []
    for entry in entries:
        own = entry.scope == "run"
        last = entry.until or (None if entry.holds else entry.at)
        begins_late = ended_at is not None and entry.at is not None and entry.at >= ended_at and not own
        if begins_late or (last is not None and taken_at is not None and last <= taken_at and not own):
            continue
        outlasts = entry.holds and ended_at is not None and (entry.until is None or entry.until > ended_at)
        found.append(msgspec.structs.replace(entry, until=ended_at, ended_by="", now=False) if outlasts else entry)
    return found


def with_the_present(
    entries: Sequence[Entry], causes: Sequence[Cause] | None, since: datetime | None = None
) -> list[Entry]:
    """Return what lasts as what holds the run now, if it does, and what holds it besides.

    Args:
        entries: of a run that has not ended.
        causes: what holds the run now; None: the queue cannot be asked.
        since: when its brake was set.
    """
    lasting = {entry.what for entry in entries if entry.holds and entry.until is None}
    names: Collection[str] = {cause.cause for cause in causes or ()}
    found = [
        msgspec.structs.replace(entry, now=None if causes is None else entry.what in names)
        if entry.holds and entry.until is None
        else entry
        for entry in entries
    ]
    for cause in causes or ():
        if cause.cause not in lasting and cause.cause not in _OF_SOME and cause.cause != "window":
            at = since if cause.cause == "brake" else None
            scope: Scope = "app" if cause.cause in ("app_paused", "no_sender") else "run"
            scope = "page" if cause.cause in ("page_paused", "breaker") else scope
            entry = Entry(what=cause.cause, holds=True, scope=scope, at=at, now=True, detail=cause.detail)
            found.append(entry.worded(**cause.texts))
    return found


def _begins(act: Act) -> _Key | None:
    if act.what == "run pause":
        holder = "operator" if act.by_person else act.who
        return next((("run", name) for name in _HOLDERS if name == holder), None)
    return _BEGINS.get(act.what)


def _ends(act: Act, standing: Collection[_Key]) -> list[_Key]:
    """Return what an act ends, known to stand or not: what begins anew ends what stood of its kind."""
    if act.what == "run resume" and act.by_person:
        by_hand: list[_Key] = [("run", "operator"), ("run", "brake")]
        return [key for key in by_hand if key in standing] or by_hand[:1]
    if act.what == "run resume":
        return [("run", name) for name in _HOLDERS if name == act.who]
    if act.what == "limits reset":
        scope: Scope = "app" if act.target == APP else "page"
        paused: CauseName = "app_paused" if scope == "app" else "page_paused"
        lifted: dict[str, CauseName] = {"pace": "throttled", "ceiling": "throttled", "pause": paused}
        return list({(scope, cause): None for word, cause in lifted.items() if word in act.detail})
    key = _ENDS.get(act.what) or _begins(act)
    return [key] if key else []


def _scope(act: Act) -> Scope:
    kind = act.what.partition(" ")[0]
    return "run" if kind == "run" else "app" if act.target in (EVERYTHING, APP) else "page"
