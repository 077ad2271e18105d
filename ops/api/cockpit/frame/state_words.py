"""What the fixed names of states, causes, outcomes and checks are called on a page, and how they look.

Each look is a tone and an icon, so that colour is never needed to tell them apart.
"""

from __future__ import annotations

from typing import NamedTuple

from ops.board.needs_you import TEXTS
from ops.board.runs.run_answers import RunAnswer, RunStatus
from schema.event import LogEvent
from schema.outcomes import Outcome
from schema.text import N_


class Look(NamedTuple):
    """How a state is shown."""

    word: str
    tone: str
    """`ok`, `busy`, `warn`, `bad` or `calm`."""
    icon: str
    """The name of a symbol in icons.svg."""


STATUSES = {
    "scheduled": Look(N_("scheduled"), "calm", "clock"),
    "nobody_yet": Look(N_("waiting for its recipients"), "calm", "clock"),
    "filling": Look(N_("filling"), "busy", "fill"),
    "sending": Look(N_("sending"), "busy", "send"),
    "waiting": Look(N_("waiting"), "warn", "pause"),
    "draining": Look(N_("draining"), "warn", "drain"),
    "finished": Look(N_("finished"), "ok", "check"),
    "cancelled": Look(N_("cancelled"), "calm", "stop"),
    "expired": Look(N_("expired"), "warn", "clock"),
    "refused": Look(N_("refused"), "bad", "cross"),
    "unknown": Look(N_("unknown"), "calm", "help"),
}
CAUSES = {
    "page_paused": N_("the page is paused"),
    "throttled": N_("the page is slowed down"),
    "breaker": N_("the page's breaker is open"),
    "window": N_("outside its hours"),
    "operator": N_("paused by a person"),
    "source": N_("paused by its source"),
    "brake": N_("braked"),
    "queue_lost": N_("its queue was lost"),
    "no_sender": N_("no sender is running"),
    "outbox_full": N_("the outbox is full"),
    "redis_full": N_("Redis is full"),
    "nobody_yet": N_("its recipients cannot be seen yet"),
    "scheduled": N_("its time has not come"),
    "registry": N_("another queue has it"),
    "app_paused": N_("everything is paused"),
    "graph_down": N_("the Graph API does not answer"),
    "mark_replicas": N_("Redis's replicas do not answer"),
    "recipient_hours": N_("the recipients' own hours"),
    "retry": N_("another attempt follows"),
    "run_processor": N_("not taken yet"),
    "drain": N_("end without being sent"),
}
HOLDERS = {
    "source": N_("paused by its source"),
    "operator": N_("paused by a person"),
    "window": N_("outside its hours"),
    "registry": N_("another queue has it"),
    "brake": N_("braked"),
}
OUTCOMES = {
    "sent": N_("Sent"),
    "failed": N_("Failed"),
    "suppressed": N_("Suppressed"),
    "expired": N_("Expired"),
    "unknown": N_("Unknown"),
    "cancelled": N_("Cancelled"),
    "retrying": N_("Retrying"),
}
CHECKS = {
    "redis": N_("Redis"),
    "kafka": N_("Log topic"),
    "log_database": N_("Log database"),
    "source_database": N_("Source database"),
    "submitted_runs": N_("Submitted runs"),
    "senders": N_("Senders"),
    "ingest": N_("Ingest"),
    "sending": N_("Sending"),
}
CHECK_STATUSES = {
    "ok": Look(N_("ok"), "ok", "check"),
    "degraded": Look(N_("degraded"), "warn", "alert"),
    "down": Look(N_("down"), "bad", "cross"),
    "unknown": Look(N_("unknown"), "calm", "help"),
    "not_configured": Look(N_("not configured"), "calm", "dash"),
}
SUPPRESSIONS = {"recipient_gone": N_("cannot be reached"), "denied": N_("on the deny list")}
PROBLEMS = {
    400: N_("This cannot be answered"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("Not allowed"),
    409: N_("Not possible as things stand"),
    429: N_("Too many requests"),
    500: N_("An error of ours"),
    503: N_("Not now"),
}
"""Titles by status."""
ROLES = {1: N_("viewer"), 2: N_("operator"), 3: N_("admin")}
ROLE_NAMES = dict(zip(("viewer", "operator", "admin"), ROLES.values(), strict=True))

NEEDS = TEXTS


def status_of(run: RunAnswer) -> str:
    """Return the name in `STATUSES` by which a run is shown."""
    return "nobody_yet" if run.status == RunStatus.WAITING and run.state == "waiting" else run.status.value


def look_of(kind: dict[str, Look], name: str) -> Look:
    """Return a look; a name that a newer program uses is shown as it is."""
    return kind.get(name) or Look(name.replace("_", " "), "calm", "help")


def failure_look(event: LogEvent) -> Look:
    """Return how a failure looks: one person's is daily business, that of a page, the app or the message is not."""
    if event.outcome == Outcome.UNKNOWN:
        return Look("", "warn", "help")
    daily = "recipient" in (event.error_class or "")
    return Look("", "calm" if daily else "bad", "dash" if daily else "alert")
