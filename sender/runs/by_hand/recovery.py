"""Sending what is left of a run whose queue was lost. The run processors do it; here they are given leave to."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec

from schema.run import Run, RunState
from sender.queue.run_queue import RunQueue
from sender.runs.by_hand.errors import RunUnusable, UnknownRun
from sender.runs.databases.registry import Registered, Registry, Taken, is_lost
from sender.runs.databases.source_views import Source, SourceName
from sender.runs.known_pages import KnownPages
from sender.runs.rules.check import content_class, moment_ms
from sender.runs.send_hours import SendHours


class Recovered(msgspec.Struct, frozen=True):
    """What was begun."""

    run_id: str
    ended: int
    """Recipients who keep the outcome that the log has of them; all others are put into the queue. Not `complete`: at
    most so many, since of some only the figures are left."""
    held: bool
    """Whether the run waits for a person: it was being cancelled, a rule had braked it, or it is not complete."""
    complete: bool
    """Whether the log still has all of the run's days. Else some who are put into the queue may have been sent to."""


class Recovery:
    """Methods are Trio coroutines that may be repeated. Errors: RunUnusable, DatabaseAway, QueryRefused, RedisError."""

    def __init__(
        self, registry: Registry, queue: RunQueue, pages: KnownPages, sources: Mapping[SourceName, Source]
    ) -> None:
        self._registry = registry
        self._queue = queue
        self._pages = pages
        self._sources = sources

    async def lost_for_s(self, run_id: str) -> float:
        """Return for how long the run has been known as lost; note it now when nobody has.

        Raises:
            RunUnusable: there is nothing to recover; says why.
        """
        taken = await self._taken(run_id)
        if taken.state in (RunState.FINISHED, RunState.REFUSED):
            raise RunUnusable(
                "run %(run)s is %(state)s: there is nothing to recover", run=run_id, state=str(taken.state)
            )
        epoch = await self._queue.epoch()
        run = Registered(run_id, taken.state, taken.queue_epoch)
        if not is_lost(run, known=bool(await self._queue.glance([run_id])), queue_epoch=epoch):
            raise RunUnusable("run %(run)s: this Redis holds its queue, so there is nothing to recover", run=run_id)
        if taken.state != RunState.QUEUE_LOST:
            await self._registry.lost([run])
            return 0.0
        return taken.lost_for_s or 0.0

    async def recover(self, run_id: str) -> Recovered:
        """Let the run go on in this queue. Whoever calls has seen that the log is complete.

        First it is noted that only those without a final outcome are to be sent to; then the queue gets the run, empty,
        with its page and its hold; then the run processors may fill it.

        Raises:
            RunUnusable: somebody else did it meanwhile, or the queue was lost again.
        """
        taken, epoch = await self._taken(run_id), await self._queue.epoch()
        logged = await self._registry.logged(run_id)
        if not await self._registry.begin_recovery(run_id):
            raise RunUnusable("run %(run)s is no longer held as lost: somebody has just recovered it", run=run_id)
        await self._make_known(_run(run_id, taken), taken.source, epoch)
        if held := logged.cancelled or not logged.complete:
            await self._queue.hold(run_id, "operator")
        if taken.brake_rule:
            await self._queue.hold(run_id, "brake")
        if await self._queue.epoch() != epoch:
            raise RunUnusable("run %(run)s: the queue was emptied again meanwhile; try again", run=run_id)
        if not await self._registry.recovered(run_id, epoch):
            raise RunUnusable("run %(run)s is no longer held as lost: somebody has just recovered it", run=run_id)
        return Recovered(run_id, logged.ended, held or bool(taken.brake_rule), logged.complete)

    async def _taken(self, run_id: str) -> Taken:
        taken = await self._registry.taken(run_id)
        if taken is None:
            raise UnknownRun("no run has the id %(run)s: newar run list shows those taken", run=run_id)
        return taken

    async def _make_known(self, run: Run, source: SourceName, epoch: str) -> None:
        """Give the queue what a run processor gives it when it takes a run."""
        if "source" in self._sources:
            self._pages.replace(await self._sources["source"].pages())
        # a retry is described among the submitted runs, wherever its recipients stand
        home = self._sources.get("submitted" if run.parent_run_id else source)
        rows = await home.runs([run.run_id]) if home else []
        if home and rows and (token := rows[0].page_access_token):
            self._pages.replace_tokens(home.name, {run.page_id: token.strip()})
        await self._pages.send([run.page_id], epoch)
        await self._queue.create_run(run)
        if rows and rows[0].status in ("paused", "cancelled"):  # no processor may have seen it there yet
            await self._queue.hold(run.run_id, "source")
        if rows:
            hours = SendHours(self._queue, self._pages, lambda: time.time_ns() // 1_000_000)
            await hours.look()
            await hours.begin(run.run_id, run.page_id, rows[0].send_window)


def _run(run_id: str, taken: Taken) -> Run:
    message = taken.message or {}
    return Run(
        run_id=run_id,
        page_id=taken.page_id,
        message=message,
        messaging_type=taken.messaging_type or "UPDATE",
        tag=taken.tag,
        notification_type=taken.notification_type,
        content=content_class(message),
        priority=taken.priority,
        on_unknown="resend" if taken.on_unknown == "resend" else "hold",
        expires_at_ms=moment_ms(taken.expires_at_s or 0.0),  # every run that was taken has one
        parent_run_id=taken.parent_run_id,
    )
