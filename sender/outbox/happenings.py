"""Telling people what answers have changed: each change is logged by the process whose settlement made it."""

from __future__ import annotations

import structlog

from sender.queue.session_queue import Happening

log = structlog.get_logger()

_HINTS = {
    "brake": "look at the run, then: newar run resume, or newar run cancel",
    "breaker": "newar limits explain says why; a new token half-opens it",
}
_ALARMS = frozenset({"brake", "breaker"})


def tell(one: Happening) -> None:
    """Log it: what a person has to look at as an error, what ends by itself as a warning."""
    where = {} if one.scope == "app" else {f"{one.scope}_id": one.name}
    if not one.rule:
        log.info(f"{one.scope}_{one.what}", **where)
        return
    facts = {"rule": one.rule, "reason": one.reason, "ms": one.ms, "hint": _HINTS.get(one.what)}
    level = log.error if one.what in _ALARMS or one.scope == "app" else log.warning
    level(f"{one.scope}_{one.what}", **where, **{name: fact for name, fact in facts.items() if fact is not None})
