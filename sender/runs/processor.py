"""One source's run processor: takes runs that are due, steers those taken, and puts their recipients into the queue."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection

import msgspec
import structlog
import trio
from redis.exceptions import OutOfMemoryError

from schema.run import RunState
from schema.runtime.traces import Traces
from schema.snapshot import RunsSnapshot
from sender.queue.run_queue import RunGlance, RunQueue
from sender.runs.asides import Asides
from sender.runs.databases.errors import QueryRefused
from sender.runs.databases.not_taken_runs import NotTakenRuns
from sender.runs.databases.noted_names import NotedNames
from sender.runs.databases.registry import Filling, Registry
from sender.runs.databases.source_views import Source
from sender.runs.found import Found
from sender.runs.known_pages import KnownPages
from sender.runs.room import Room
from sender.runs.rules.not_taken import NotTaken, asks_to_stop, scheduled, spent, unknown_word, unseen
from sender.runs.rules.records import RecipientRow, records
from sender.runs.rules.rows import Head
from sender.runs.rules.steering import Step, steps
from sender.runs.rules.still_to_send import StillToSend, still_to_send
from sender.runs.send_hours import SendHours
from sender.runs.source_watch import fares_of
from sender.runs.taking import HEADS_PAGE, Taking

log = structlog.get_logger()


class _Place(msgspec.Struct, frozen=True):
    run: Filling
    cursor: str
    hours: str
    """What its hours were made of when this was made; "" when it has none."""


class RunProcessor:
    """Any number of these may work on the same source. Methods are Trio coroutines; killed anywhere, the next goes on.

    The order is what keeps the promises: the run becomes known to the queue, empty; then it is registered with the
    queue's epoch; then chunks follow, each with the cursor in one step.

    Args:
        grace_ms: how long a run waits for recipients that cannot be seen before it is refused.
        enforce_window: whether the 24-hour window is kept.
        rules_off: rules of a message's form that do not count.
        clock_ms: the time in ms since 1970 (UTC).
        traces: told of what was enqueued.
    """

    def __init__(
        self,
        source: Source,
        registry: Registry,
        not_taken: NotTakenRuns,
        names: NotedNames,
        queue: RunQueue,
        pages: KnownPages,
        room: Room,
        *,
        chunk: int,
        figures: RunsSnapshot,
        grace_ms: int,
        enforce_window: bool = True,
        rules_off: Collection[str] = (),
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        traces: Traces | None = None,
    ) -> None:
        self._source = source
        self._registry = registry
        self._not_taken = not_taken
        self._names = names
        self._queue = queue
        self._pages = pages
        self._room = room
        self._chunk = chunk
        self._figures = figures
        self._fares = fares_of(source.name, figures)
        self._clock_ms = clock_ms
        self._traces = traces
        self._hours = SendHours(queue, pages, clock_ms, figures)
        self._asides = Asides(registry, queue, enforce_window=enforce_window, rules_off=rules_off, clock_ms=clock_ms)
        stands_on = source, registry, queue, pages, self._hours, room, figures
        self._taking = Taking(*stands_on, grace_ms=grace_ms, rules_off=rules_off, clock_ms=clock_ms)
        self._epoch = ""
        self._timed: list[Head] = []
        self._empty: dict[str, NotTaken] = {}

    async def turn(self, until: float, stopping: trio.Event) -> None:
        """Poll once, then fill until `until` (Trio time). Errors: DatabaseAway, QueryRefused, redis.RedisError.

        A query that is refused for one run does not keep the others: the error is raised at the end.
        """
        self._room.turn_begins()
        refused = [*await self.poll(), *await self.fill(until, stopping)]
        self._room.turn_ends()
        if refused:
            raise refused[0]

    async def poll(self) -> list[QueryRefused]:
        """Look at every run and page of the source once; return what was refused for single runs."""
        began = trio.current_time()
        self._epoch = await self._queue.epoch()
        await self._hours.look()
        await self._keep_hours()
        noted = await self._not_taken.read()
        found = await self._look()
        self._taking.begin(self._epoch, noted, found.refused, found.begun)
        self._timed = found.timed
        self._pages.replace_tokens(self._source.name, {page_id: token for page_id, (_, token) in found.tokens.items()})
        await self._pages.send(found.pages, self._epoch)
        refused, later = await self._taking.take_all(list(found.new))
        found.scheduled += [found.new[run_id] for run_id in later]
        found.not_taken += [noted[run_id][0] for run_id in later if run_id in noted]
        for one in found.not_taken:
            if one.run_id not in noted:
                log.warning("run_not_taken", run_id=one.run_id, page_id=one.page_id, reason=one.reason)
        await self._not_taken.replace([*found.not_taken, *self._taking.waiting, *self._empty.values()], noted)
        await self._not_taken.note_scheduled(found.scheduled)
        self._fares.polls += 1
        self._fares.last_poll_ms = round((trio.current_time() - began) * 1000)
        return refused

    async def fill(self, until: float, stopping: trio.Event) -> list[QueryRefused]:
        """Enqueue chunks, one of each run in turn, until all is in, `until` has come or a stop is wanted.

        One of each at least while Redis has room, so that runs are filled also when a poll takes longer than that.
        Returns what was refused for single runs; these are left until the next time.
        """
        refused: list[QueryRefused] = []
        self._hours.begin_filling()
        runs = await self._registry.filling(self._source.name, self._epoch)
        known = await self._queue.glance([run.run_id for run in runs])
        open_ = [run for run in runs if run.run_id in known and not known[run.run_id].enqueued]
        self._empty = {run.run_id: self._empty[run.run_id] for run in open_ if run.run_id in self._empty}
        waiting = deque(_Place(run, known[run.run_id].cursor, known[run.run_id].hours) for run in open_)
        owed = len(waiting)
        while waiting and not stopping.is_set() and (owed > 0 or trio.current_time() < until):
            owed -= 1
            place = waiting.popleft()
            try:
                if not await self._room.is_there():
                    break
                following = await self._enqueue(place)
            except OutOfMemoryError:
                self._room.lacks()
                break
            except QueryRefused as exc:
                refused.append(QueryRefused(exc.part, f"recipients of run {place.run.run_id}: {exc}"))
                continue
            if following is not None:
                waiting.append(following)
        return refused

    async def _look(self) -> Found:
        found = Found()
        if self._source.name == "source":
            pages = await self._source.pages()
            self._pages.replace(pages)
            await self._names.note(pages)
            words = await self._source.unknown_words()
            found.not_taken += [unknown_word(*row) for row in words]
            await self._hold([run_id for run_id, _, status in words if asks_to_stop(status)])
        after = ""
        while heads := await self._source.heads(after, HEADS_PAGE):
            after = heads[-1].run_id
            await self._look_at({head.run_id: head for head in heads}, found)
        return found

    async def _hold(self, run_ids: list[str]) -> None:
        """Hold runs whose source nearly says that they are to stop: a hold is undone, a message is not."""
        for known in (await self._queue.glance(run_ids)).values():
            if not _has_ended(known) and "source" not in known.held_by:
                await self._queue.hold(known.run_id, "source")
                log.info("run_steered", run_id=known.run_id, step="hold source")

    async def _keep_hours(self) -> None:
        """See to the hours of the runs of the last look: also when the next one fails."""
        in_queue = await self._queue.glance([head.run_id for head in self._timed])
        for head in self._timed:
            if known := in_queue.get(head.run_id):
                await self._hours.renew(known)
                if "hold window" in self._steps(head, known):
                    await self._queue.hold(known.run_id, "window")
                    log.info("run_steered", run_id=known.run_id, step="hold window")

    async def _look_at(self, heads: dict[str, Head], found: Found) -> None:
        in_queue = await self._queue.glance(list(heads))
        for head in heads.values():
            known = in_queue.get(head.run_id)
            if known is not None and not _has_ended(known):
                await self._hours.keep(head.send_window, known)
                await self._steer(head, known)
                found.pages.add(known.page_id)
                if head.send_window:
                    found.timed.append(head)
                if head.page_id == known.page_id:  # else it was moved after it was taken, and brings another page's
                    found.note_token(known.page_id, head)
        found.scheduled += [
            scheduled(head)
            for head in heads.values()
            if head.status == "queued" and head.run_id not in in_queue and not self._is_due(head)
        ]
        wanted = [head for head in heads.values() if self._may_take(head, in_queue.get(head.run_id))]
        registered = await self._registry.known([head.run_id for head in wanted]) if wanted else {}
        for head in wanted:
            before = registered.get(head.run_id)
            if before is None or before.may_come_again(head.updated_at_s):
                found.new[head.run_id] = scheduled(head)
                if _is_begun(in_queue.get(head.run_id)):
                    found.begun.add(head.run_id)
                if before is not None:
                    found.refused[head.run_id] = before.reason or ""
                found.note_token(head.page_id, head)
        over = [(head, registered[head.run_id]) for head in wanted if head.run_id in registered]
        over = [(head, one) for head, one in over if head.status == "queued" and one.state == RunState.FINISHED]
        found.not_taken += filter(None, [spent(head, one.ended_at_s) for head, one in over])

    def _may_take(self, head: Head, known: RunGlance | None) -> bool:
        """A run paused or cancelled before it was taken is left alone; one with jobs in the queue counts as taken.

        So does one that has ended there, which a restored registry may not know, and the queue forgets after a day.
        """
        return _is_begun(known) or (head.status == "queued" and self._is_due(head))

    def _is_due(self, head: Head) -> bool:
        return head.scheduled_at_s is None or head.scheduled_at_s * 1000 <= self._clock_ms()

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

    async def _enqueue(self, place: _Place) -> _Place | None:
        """Enqueue the next chunk; None when it was the last or must wait, or another processor is at this run."""
        run, began_ns = place.run, time.time_ns()
        rows = await self._source.recipients(run.recipients_of, place.cursor, self._chunk, zones=bool(place.hours))
        if self._must_wait(place, rows):
            return None
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
        if self._traces is not None:
            self._traces.tell_enqueued(run.run_id, run.page_id, jobs, began_ns)
        self._figures.jobs_enqueued += len(jobs)
        if last:
            log.info("run_enqueued", run_id=run.run_id)
        return None if last else msgspec.structs.replace(place, cursor=cursor)

    def _must_wait(self, place: _Place, rows: list[RecipientRow]) -> bool:
        """Say whether a run has to wait because nobody of it can be seen: that is no evidence that it is done."""
        run = place.run
        self._empty.pop(run.run_id, None)
        lacking = None if place.cursor or run.none_expected else unseen(None, len(rows))
        if lacking is None or run.expires_at_s * 1000 <= self._clock_ms():
            return False
        self._empty[run.run_id] = NotTaken(run.run_id, run.page_id, "waiting", lacking)
        return True

    async def _still_to_send(self, run: Filling, rows: list[RecipientRow]) -> StillToSend:
        """Leave out whom the run does not choose and, where its first queue was lost, who has ended there."""
        ids = list({row[0] for row in rows})
        chosen = await self._registry.chosen(run.selection, ids) if run.selection else None
        standing = await self._registry.standing(run, ids) if run.recovered else {}
        return still_to_send(rows, chosen, standing)


def _is_begun(known: RunGlance | None) -> bool:
    return known is not None and (known.enqueued or bool(known.cursor))


def _has_ended(known: RunGlance | None) -> bool:
    return known is not None and known.state is RunState.FINISHED
