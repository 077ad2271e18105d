"""What needs a person now: each thing with its reason, and what mends it. Pure.

Texts are templates in English with the values beside them, so that the cockpit can say them in other languages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from ops.board.answers import Answer, Health, Overview
from ops.board.runs.run_answers import RunAnswer, RunStatus
from schema.text import N_

EACH_MOST = 5
"""So many of one kind are told apart; of more only their number is told."""
LOG_BEHIND_S = 120.0
OUTBOX_LEAST = 5000
OUTBOX_SENDING_S = 30
"""An outbox is too full that holds more than what is sent in this time, and at least `OUTBOX_LEAST`."""

REFUSED_SHOWN = timedelta(days=1)
"""So long a refused run is told of."""

SERVICES = {"runs": "newar runs", "sender": "newar sender", "ingest": "newar ingest"}
TOLD_OTHERWISE = frozenset({"sending", "senders", "ingest"})
"""Checks whose reasons are told by what is missing or paused."""

_OVER = (RunStatus.FINISHED, RunStatus.CANCELLED, RunStatus.EXPIRED)

TEXTS = {
    "part_down": N_("%(part)s is %(status)s: %(detail)s"),
    "app_paused_by_hand": N_("Everything is paused by a person. Nothing is sent until it is resumed."),
    "app_paused": N_("Everything is paused: %(reason)s. It goes on by itself."),
    "service_missing": N_("No %(service)s is running. Start one: %(command)s"),
    "service_cut_off": N_("%(service)s cannot do its work: %(detail)s"),
    "queue_lost": N_(
        "The queue of run %(run)s was lost with Redis. Whoever has no outcome in the log can be put back."
    ),
    "run_braked": N_("Run %(run)s is braked by the rule %(rule)s: %(reason)s. It waits until you resume or cancel it."),
    "run_expires_held": N_("Run %(run)s is held and expires soon. Whoever is left then gets nothing."),
    "run_refused": N_("Run %(run)s was refused: %(reason)s"),
    "run_not_taken": N_("Run %(run)s is never taken as it is: %(reason)s"),
    "breaker_open": N_("The breaker of page %(page)s is open. Failures: %(failures)s; reason: %(reason)s"),
    "dead_letters": N_("Events that could not become rows of the log lie among its dead letters: %(count)s."),
    "outbox_full": N_("Events wait in the outbox; the log topic takes them more slowly than they are made: %(count)s."),
    "log_behind": N_("The log is behind, so figures taken from it are too small. Minutes: %(minutes)s."),
}
"""By kind."""


class Need(Answer, kw_only=True):
    """One thing that needs a person."""

    kind: str
    """The key in `TEXTS`; further ones may come."""
    urgent: bool
    """Whether messages are lost or stand still meanwhile."""
    text: str
    values: dict[str, str | int]
    """What `text` was made of."""
    mend: str
    """The command that mends it, or shows more."""
    run_id: str | None = None
    page_id: str | None = None
    page_name: str | None = None
    """As the source says it: any text."""
    until: datetime | None = None
    """When it ends by itself, or is too late."""
    others: int = 0
    """So many more of its kind that are not told apart."""


class NeedsAnswer(Answer):
    """`/api/v1/needs`: the most urgent first; empty when all is well."""

    needs: list[Need]


def needs_you(
    seen: Overview | None,
    health: Health,
    registered: Iterable[RunAnswer],
    pages: frozenset[str] | None = None,
    dead_letters: int | None = None,
) -> list[Need]:
    """Return what needs a person, the urgent first.

    Args:
        seen: what the queue says; None: Redis is away.
        health: the state of every part.
        registered: the registry's newest runs.
        pages: the only pages that may be told of; None: all, and what is wrong with everything.
        dead_letters: how many the log database has; None: it cannot be asked, what ingests have counted is told.
    """
    found = [*_parts(health)]
    if seen is not None:
        runs = {run.run_id: run for run in [*registered, *seen.other_runs, *seen.queue.runs]}
        found += [*_services(seen, health), *_app(seen), *_runs(runs.values(), seen.at), *_breakers(seen), *_log(seen)]
    if dead_letters is None:
        dead_letters = seen.ingest.dead_letters if seen else 0
    if dead_letters:
        found.append(_need("dead_letters", "newar log dead-letters", urgent=False, count=dead_letters))
    theirs = [need for need in found if pages is None or need.page_id in pages]  # before they are counted
    return sorted(_bounded(theirs), key=lambda need: not need.urgent)


def _need(kind: str, mend: str, *, urgent: bool = True, **fields: Any) -> Need:
    places = {name: fields.pop(name) for name in ("run_id", "page_id", "until") if name in fields}
    return Need(kind=kind, urgent=urgent, text=TEXTS[kind] % fields, values=fields, mend=mend, **places)


def _parts(health: Health) -> Iterator[Need]:
    for name, check in health.checks.items():
        if check.status in ("down", "degraded") and name not in TOLD_OTHERWISE:
            urgent = check.status == "down"
            detail = check.detail or "no reason is known"
            yield _need("part_down", "newar doctor", urgent=urgent, part=name, status=check.status, detail=detail)


def _services(seen: Overview, health: Health) -> Iterator[Need]:
    running = {process.service for process in seen.processes}
    for service, command in SERVICES.items():
        if service not in running:
            yield _need("service_missing", command, service=service, command=command)
    for service, name in (("sender", "senders"), ("ingest", "ingest")):
        check = health.checks.get(name)
        if service in running and check is not None and check.status == "degraded":
            yield _need("service_cut_off", "newar doctor", service=service, detail=check.detail or "no reason is known")


def _app(seen: Overview) -> Iterator[Need]:
    pause = seen.queue.app
    if pause.by_hand:
        yield _need("app_paused_by_hand", "newar resume --all")
    elif pause.paused_until is not None:
        reason = pause.reason or "no reason is known"
        yield _need("app_paused", "newar limits show", until=pause.paused_until, reason=reason)


def _runs(runs: Iterable[RunAnswer], now: datetime) -> Iterator[Need]:
    for run in runs:
        if run.status in _OVER:  # also of one whose queue was lost before it was drained
            continue
        where: dict[str, Any] = {"run_id": run.run_id, "page_id": run.page_id, "run": run.run_id}
        reason = run.reason or "no reason is known"
        if has_lost_its_queue(run):
            yield _need("queue_lost", f"newar run recover {run.run_id}", **where)
        elif run.brake is not None:
            rule, why = run.brake.rule, run.brake.reason or "no reason is known"
            mend = f"newar run resume {run.run_id}"
            yield _need("run_braked", mend, until=run.expires_at, rule=rule, reason=why, **where)
        elif run.expires_soon:
            mend = f"newar run extend {run.run_id} --by 12h"
            yield _need("run_expires_held", mend, until=run.expires_at, **where)
        elif run.state == "refused" and _newly(run, now):
            yield _need("run_refused", f"newar run show {run.run_id}", urgent=False, reason=reason, **where)
        elif run.state == "not_taken":
            yield _need("run_not_taken", f"newar run show {run.run_id}", urgent=False, reason=reason, **where)


def has_lost_its_queue(run: RunAnswer) -> bool:
    """Say whether a run that has not ended is in no queue any more."""
    lost = run.state == "queue_lost" or any(one.cause == "queue_lost" for one in run.waiting_because)
    return lost and run.status not in _OVER


def _newly(run: RunAnswer, now: datetime) -> bool:
    at = run.finished_at or run.taken_at
    return at is None or now - at < REFUSED_SHOWN


def _breakers(seen: Overview) -> Iterator[Need]:
    for page in seen.breaker.pages:
        if page.state == "open":
            fields: dict[str, Any] = {
                "failures": page.failures,
                "reason": (page.reason or "no reason is known").replace("_", " "),
            }
            mend = f"newar page breaker {page.page_id} close"
            yield _need("breaker_open", mend, page_id=page.page_id, until=page.retry_at, page=page.page_id, **fields)


def _log(seen: Overview) -> Iterator[Need]:
    most = max(OUTBOX_LEAST, OUTBOX_SENDING_S * seen.messages_per_second.last_1m)
    if seen.queue.outbox > most:
        yield _need("outbox_full", "newar doctor", count=seen.queue.outbox)
    if seen.ingest.lag_s > LOG_BEHIND_S:
        yield _need("log_behind", "newar doctor", urgent=False, minutes=round(seen.ingest.lag_s / 60))


def _bounded(needs: list[Need]) -> Iterator[Need]:
    """Keep a few of each kind; the last one kept says how many more there are."""
    left = Counter(need.kind for need in needs)
    told = Counter[str]()
    for need in needs:
        told[need.kind] += 1
        if told[need.kind] == EACH_MOST:
            need.others = left[need.kind] - EACH_MOST
        if told[need.kind] <= EACH_MOST:
            yield need
