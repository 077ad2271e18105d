"""Closing runs that may have been sent already, so that they are never taken again: after a backup was restored.

A log database that was set back does not know what was taken and finished since; the source still says `queued`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from schema.text import N_
from sender.queue.run_queue import RunGlance, RunQueue
from sender.runs.databases.database import Database, statement
from sender.runs.databases.registry import Known, Registered, Registry, is_lost
from sender.runs.databases.source_views import Source
from sender.runs.rules.rows import Head

HEADS_PAGE = 500
"""Runs of a source looked at in one step."""
CLOSED = N_("closed by hand: it may have been sent before the log database, or Redis, was restored from a backup")

Why = Literal["unregistered", "refused", "queue_lost"]


class Closable(msgspec.Struct, frozen=True):
    """A run that would be sent, for the second time perhaps."""

    run_id: str
    page_id: str
    source: str
    why: Why
    """`unregistered`: the registry does not know it. `refused`: it does, and takes it once it is mended, as it may have
    been since. `queue_lost`: it knows it as under way, and this queue has nothing of it."""
    at_s: float | None
    """Since when it is due, or when it was taken, in seconds since 1970 (UTC); None: the source does not say."""


class Closings(msgspec.Struct):
    """What there is to close, and what is not touched."""

    runs: list[Closable] = []
    in_queue: int = 0
    """Runs of which this queue has jobs, or how they ended: it knows who is left."""
    later: list[str] = []
    """Runs that are due later, or were changed later where no moment is set: they will be taken."""


async def closable(sources: Sequence[Source], database: Database, queue: RunQueue, before: datetime) -> Closings:
    """Find what may have been taken up to this moment and would be sent again.

    Args:
        sources: where runs come from.
        database: the log database, with the registry.
        queue: which runs it has.
        before: the moment up to which runs may have been taken.

    Raises:
        DatabaseAway, QueryRefused, redis.RedisError: somebody cannot be asked.
    """
    found, registry = Closings(), Registry(database)
    for source in sources:
        after = ""
        while heads := await source.heads(after, HEADS_PAGE):
            after = heads[-1].run_id
            known, ids = await queue.glance([head.run_id for head in heads]), [head.run_id for head in heads]
            registered = await registry.known(ids)
            for head in heads:
                _sort(found, source.name, head, registered.get(head.run_id), known.get(head.run_id), before)
    found.runs += await _without_queue(database, queue, before)
    return found


async def close(database: Database, runs: Sequence[Closable], before: datetime, who: str) -> list[str]:
    """Close these; return those for which that is news. May be repeated. Errors: DatabaseAway, QueryRefused."""
    rows = await database.rows(
        statement("close"),
        run_ids=[run.run_id for run in runs],
        page_ids=[run.page_id for run in runs],
        sources=[run.source for run in runs],
        reason=CLOSED,
        before=before,
        who=who,
        detail=f"it may have been taken before {before:%Y-%m-%dT%H:%M:%S%z}",
    )
    return [run_id for (run_id,) in rows]


async def _without_queue(database: Database, queue: RunQueue, before: datetime) -> list[Closable]:
    """Return runs that the registry believes to be under way, and of which this queue has nothing."""
    rows = await database.rows(statement("closable"), before=before)
    here = await queue.glance([run_id for run_id, *_ in rows])
    epoch = await queue.epoch()
    return [
        Closable(run_id, page_id, source, "queue_lost", taken_at_s)
        for run_id, page_id, source, its_epoch, taken_at_s in rows
        if is_lost(Registered(run_id, "", its_epoch), known=run_id in here, queue_epoch=epoch)
    ]


def _sort(
    found: Closings, source: str, head: Head, before_now: Known | None, in_queue: RunGlance | None, until: datetime
) -> None:
    if head.status == "cancelled" or (
        before_now and not (before_now.state == "refused" and before_now.refused_for_now)
    ):
        return
    if in_queue is not None and (in_queue.enqueued or in_queue.cursor):
        found.in_queue += 1
        return
    at_s = head.updated_at_s if head.scheduled_at_s is None else head.scheduled_at_s
    if at_s is not None and at_s > until.timestamp():
        found.later.append(head.run_id)
        return
    why: Why = "refused" if before_now else "unregistered"
    found.runs.append(Closable(head.run_id, head.page_id or "", source, why, at_s))
