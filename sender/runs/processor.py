"""One source's run processor: takes runs that are due, steers those taken, and puts their recipients into the queue."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import msgspec
import structlog
import trio

from schema.run import RunState
from schema.snapshot import RunsSnapshot
from sender.queue.run_queue import RunGlance, RunQueue
from sender.runs.asides import Asides
from sender.runs.databases.errors import QueryRefused
from sender.runs.databases.registry import Filling, Registry
from sender.runs.databases.source_views import Source
from sender.runs.known_pages import KnownPages
from sender.runs.rules.check import Refusal, check
from sender.runs.rules.records import RecipientRow, records
from sender.runs.rules.rows import Head, SourceRun
from sender.runs.rules.steering import Step, steps
from sender.runs.rules.still_to_send import StillToSend, still_to_send
from sender.runs.send_hours import SendHours

log = structlog.get_logger()

HEADS_PAGE = 500
"""Runs looked at in one step of a poll."""


class _Place(msgspec.Struct, frozen=True):
    run: Filling
    cursor: str
    hours: str
    """What its hours were made of when this was made; "" when it has none."""


class _Found(msgspec.Struct):
    """What a poll gathers while it looks at runs."""

    tokens: dict[str, tuple[float, str]] = {}
    """Page -> when the run was changed, and the token that it brings: of those to be sent, the newest."""
    pages: set[str] = set()
    """Those with runs in the queue."""
    new: list[str] = []
    """Runs to be taken."""
    timed: list[Head] = []
    """Runs in the queue that have a send window."""

    def note_token(self, page_id: str | None, head: Head) -> None:
        if token := (head.page_access_token or "").strip():
            entry = (head.updated_at_s or 0.0, token)
            newest = self.tokens.setdefault(page_id or "", entry)
            self.tokens[page_id or ""] = max(newest, entry, key=lambda one: one[0])


class RunProcessor:
    """Any number of these may work on the same source. Methods are Trio coroutines; killed anywhere, the next goes on.

    The order is what keeps the promises: the run becomes known to the queue, empty; then it is registered with the
    queue's epoch; then chunks follow, each with the cursor in one step.

    Args:
        enforce_window: whether the 24-hour window is kept.
        clock_ms: the time in ms since 1970 (UTC).
    """

    def __init__(
        self,
        source: Source,
        registry: Registry,
        queue: RunQueue,
        pages: KnownPages,
        *,
        chunk: int,
        figures: RunsSnapshot,
        enforce_window: bool = True,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._source = source
        self._registry = registry
        self._queue = queue
        self._pages = pages
        self._chunk = chunk
        self._figures = figures
        self._clock_ms = clock_ms
        self._hours = SendHours(queue, pages, clock_ms, figures)
        self._asides = Asides(registry, queue, enforce_window=enforce_window, clock_ms=clock_ms)
        self._epoch = ""
        self._timed: list[Head] = []

    async def turn(self, until: float, stopping: trio.Event) -> None:
        """Poll once, then fill until `until` (Trio time). Errors: DatabaseAway, QueryRefused, redis.RedisError.

        A query that is refused for one run does not keep the others: the error is raised at the end.
        """
        refused = [*await self.poll(), *await self.fill(until, stopping)]
        if refused:
            raise refused[0]

    async def poll(self) -> list[QueryRefused]:
        """Look at every run and page of the source once; return what was refused for single runs."""
        began = trio.current_time()
        self._epoch = await self._queue.epoch()
        await self._hours.look()
        await self._keep_hours()
        found = await self._look()
        self._timed = found.timed
        self._pages.replace_tokens(self._source.name, {page_id: token for page_id, (_, token) in found.tokens.items()})
        await self._pages.send(found.pages, self._epoch)
        refused: list[QueryRefused] = []
        for start in range(0, len(found.new), HEADS_PAGE):
            refused += await self._take_all(found.new[start : start + HEADS_PAGE])
        self._figures.polls += 1
        self._figures.last_poll_ms = round((trio.current_time() - began) * 1000)
        return refused

    async def fill(self, until: float, stopping: trio.Event) -> list[QueryRefused]:
        """Enqueue chunks, one of each run in turn, until all is in, `until` has come or a stop is wanted.

        One of each at least, so that runs are filled also when a poll takes longer than the interval.

        Returns what was refused for single runs; these are left until the next time.
        """
        refused: list[QueryRefused] = []
        self._hours.begin_filling()
        runs = await self._registry.filling(self._source.name, self._epoch)
        known = await self._queue.glance([run.run_id for run in runs])
        open_ = [run for run in runs if run.run_id in known and not known[run.run_id].enqueued]
        waiting = deque(_Place(run, known[run.run_id].cursor, known[run.run_id].hours) for run in open_)
        owed = len(waiting)
        while waiting and not stopping.is_set() and (owed > 0 or trio.current_time() < until):
            owed -= 1
            place = waiting.popleft()
            try:
                following = await self._enqueue(place)
            except QueryRefused as exc:
                refused.append(QueryRefused(exc.part, f"recipients of run {place.run.run_id}: {exc}"))
                continue
            if following is not None:
                waiting.append(following)
        return refused

    async def _look(self) -> _Found:
        if self._source.name == "source":
            self._pages.replace(await self._source.pages())
        found = _Found()
        after = ""
        while heads := await self._source.heads(after, HEADS_PAGE):
            after = heads[-1].run_id
            await self._look_at({head.run_id: head for head in heads}, found)
        return found

    async def _keep_hours(self) -> None:
        """See to the hours of the runs of the last look: also when the next one fails."""
        in_queue = await self._queue.glance([head.run_id for head in self._timed])
        for head in self._timed:
            if known := in_queue.get(head.run_id):
                await self._hours.renew(known)
                if "hold window" in self._steps(head, known):
                    await self._queue.hold(known.run_id, "window")
                    log.info("run_steered", run_id=known.run_id, step="hold window")

    async def _look_at(self, heads: dict[str, Head], found: _Found) -> None:
        in_queue = await self._queue.glance(list(heads))
        for head in heads.values():
            if (known := in_queue.get(head.run_id)) is not None and known.state is not RunState.FINISHED:
                await self._hours.keep(head.send_window, known)
                await self._steer(head, known)
                found.pages.add(known.page_id)
                if head.send_window:
                    found.timed.append(head)
                if head.page_id == known.page_id:  # else it was moved after it was taken, and brings another page's
                    found.note_token(known.page_id, head)
        wanted = [head.run_id for head in heads.values() if self._may_take(head, in_queue.get(head.run_id))]
        registered = await self._registry.known(wanted) if wanted else set()
        for run_id in [run_id for run_id in wanted if run_id not in registered]:
            found.new.append(run_id)
            found.note_token(heads[run_id].page_id, heads[run_id])

    async def _take_all(self, run_ids: list[str]) -> list[QueryRefused]:
        """Take these runs; of those that cannot be read together, halves, down to the one that is at fault."""
        try:
            rows = await self._source.runs(run_ids)
        except QueryRefused as exc:
            if len(run_ids) == 1:
                return [QueryRefused(exc.part, f"run {run_ids[0]}: {exc}")]
            middle = len(run_ids) // 2
            return [*await self._take_all(run_ids[:middle]), *await self._take_all(run_ids[middle:])]
        refused: list[QueryRefused] = []
        for row in rows:
            try:
                await self._take(row)
            except QueryRefused as exc:
                refused.append(QueryRefused(exc.part, f"run {row.run_id}: {exc}"))
        return refused

    def _may_take(self, head: Head, known: RunGlance | None) -> bool:
        """A run paused or cancelled before it was taken is left alone; one with jobs in the queue counts as taken."""
        if known is not None and (known.enqueued or known.cursor):
            return not known.enqueued
        due = head.scheduled_at_s is None or head.scheduled_at_s * 1000 <= self._clock_ms()
        return due and head.status == "queued"

    def _steps(self, head: Head, known: RunGlance) -> list[Step]:
        return steps(head.status, self._hours.held(known.page_id, head.send_window), known)

    async def _steer(self, head: Head, known: RunGlance) -> None:
        for step in self._steps(head, known):
            match step.rsplit(" ", 1):
                case ["cancel"]:
                    await self._queue.cancel(known.run_id)
                case ["hold", holder]:
                    await self._queue.hold(known.run_id, holder)
                case [_, holder]:
                    await self._queue.let_go(known.run_id, holder)
            log.info("run_steered", run_id=known.run_id, step=step)

    async def _take(self, row: SourceRun) -> None:
        token = self._pages.token(row.page_id)
        if not self._pages.complete and (token is None or row.send_window):
            return  # what the source says of this page is not known yet
        zone = self._pages.time_zone(row.page_id)
        own_zones = bool(row.send_window) and (
            row.parent_run_id is not None or await self._source.has_zones(row.run_id)  # a retry's stand elsewhere
        )
        run = check(row, now_ms=self._clock_ms(), has_token=token is not None, time_zone=zone, own_zones=own_zones)
        if isinstance(run, Refusal):
            await self._refuse(row, run)
            return
        without_id = await self._source.without_id(run.run_id)
        await self._pages.send([run.page_id], self._epoch)
        await self._queue.create_run(run)
        await self._hours.begin(run.run_id, run.page_id, row.send_window)
        if await self._queue.epoch() != self._epoch:
            return  # the queue was emptied on the way: the page is no longer there; the next poll begins anew
        reason = f"{without_id} rows without a usable recipient_id were left out" if without_id else None
        if await self._registry.register(run, row, self._source.name, self._epoch, reason):
            self._figures.runs_taken += 1
            log.info("run_taken", run_id=run.run_id, page_id=run.page_id, source=self._source.name)
            if without_id:
                log.warning("recipients_without_id", run_id=run.run_id, rows=without_id)

    async def _refuse(self, row: SourceRun, refusal: Refusal) -> None:
        if await self._registry.refuse(row, self._source.name, refusal):
            self._figures.runs_refused += 1
            hint = "mend it and give it a new run_id"
            log.warning("run_refused", run_id=row.run_id, page_id=row.page_id, reason=refusal.reason, hint=hint)

    async def _enqueue(self, place: _Place) -> _Place | None:
        """Enqueue the next chunk; None when it was the last, or another processor is at this run."""
        run = place.run
        rows = await self._source.recipients(run.recipients_of, place.cursor, self._chunk, zones=bool(place.hours))
        still = await self._still_to_send(run, rows)
        sorted_out = await self._asides.sort_out(run.run_id, still)
        admitted = await self._hours.admit(run.run_id, place.hours, sorted_out.rows)
        if admitted is None:
            return None  # the next turn knows its new hours
        jobs, last = records(run.run_id, admitted, still.attempts), len(rows) < self._chunk
        jobs += sorted_out.asides
        cursor = rows[-1][0] if rows else place.cursor
        if not await self._queue.enqueue_chunk(
            run.run_id, cursor=place.cursor, next_cursor=cursor, records=jobs, last=last, ended=still.ended
        ):
            return None
        self._figures.jobs_enqueued += len(jobs)
        if last:
            log.info("run_enqueued", run_id=run.run_id)
        return None if last else msgspec.structs.replace(place, cursor=cursor)

    async def _still_to_send(self, run: Filling, rows: list[RecipientRow]) -> StillToSend:
        """Leave out whom the run does not choose and, where its first queue was lost, who has ended there."""
        ids = list({row[0] for row in rows})
        chosen = await self._registry.chosen(run.selection, ids) if run.selection else None
        standing = await self._registry.standing(run, ids) if run.recovered else {}
        return still_to_send(rows, chosen, standing)
