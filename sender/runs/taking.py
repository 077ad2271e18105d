"""Taking runs that are due: each becomes known to the queue, empty, and registered, or is refused, or waits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

import structlog
import trio
from redis.exceptions import OutOfMemoryError

from schema.run import Run
from schema.snapshot import RunsSnapshot
from sender.queue.run_queue import RunQueue
from sender.runs.databases.errors import QueryRefused
from sender.runs.databases.registry import Registry
from sender.runs.databases.source_views import Source
from sender.runs.known_pages import KnownPages
from sender.runs.room import Room
from sender.runs.rules.check import Refusal, check, expected_recipients
from sender.runs.rules.not_taken import NotTaken, unseen, unusable
from sender.runs.rules.rows import SourceRun
from sender.runs.send_hours import SendHours

log = structlog.get_logger()

Noted = Mapping[str, tuple[NotTaken, float]]
"""Run id -> what the look before noted, and for how many seconds it has been so."""
HEADS_PAGE = 500
"""Runs looked at in one step of a poll."""
_SURVEY_EVERY_S = 60.0
"""How often the recipients of a refused run are counted again: there may be millions."""


class Taking:
    """Methods are Trio coroutines that may be repeated. Errors: DatabaseAway, QueryRefused, redis.RedisError.

    Args:
        grace_ms: how long a run waits for recipients that cannot be seen before it is refused.
        rules_off: rules of a message's form that do not count.
        clock_ms: the time in ms since 1970 (UTC).
    """

    def __init__(
        self,
        source: Source,
        registry: Registry,
        queue: RunQueue,
        pages: KnownPages,
        hours: SendHours,
        room: Room,
        figures: RunsSnapshot,
        *,
        grace_ms: int,
        rules_off: Collection[str],
        clock_ms: Callable[[], int],
    ) -> None:
        self._source = source
        self._registry = registry
        self._queue = queue
        self._pages = pages
        self._hours = hours
        self._room = room
        self._figures = figures
        self._grace_ms = grace_ms
        self._check = partial(check, rules_off=rules_off)
        self._clock_ms = clock_ms
        self._epoch = ""
        self._noted: Noted = {}
        self._refused: Mapping[str, str] = {}
        self._begun: Collection[str] = ()
        self._survey_at: dict[str, float] = {}
        self.waiting: list[NotTaken] = []
        """Runs of this look that wait for their recipients."""

    def begin(self, epoch: str, noted: Noted, refused: Mapping[str, str], begun: Collection[str]) -> None:
        """Begin a look: the queue has this epoch, and this was noted by the one before.

        `refused`: why runs were refused that are to be taken after all; those that are not mended cost no query.
        `begun`: runs that have jobs in the queue, though the registry does not know them (any more).
        """
        self._epoch = epoch
        self._noted = noted
        self._refused = refused
        self._begun = begun
        self._survey_at = {run_id: at for run_id, at in self._survey_at.items() if run_id in refused}
        self.waiting = []

    async def take_all(self, run_ids: list[str]) -> tuple[list[QueryRefused], list[str]]:
        """Take these runs; return what was refused for single ones, and those that wait until Redis has room."""
        refused: list[QueryRefused] = []
        for start in range(0, len(run_ids), HEADS_PAGE):
            try:
                if not await self._room.is_there():
                    return refused, run_ids[start:]
                refused += await self.take(run_ids[start : start + HEADS_PAGE])
            except OutOfMemoryError:  # it does not tell how full it is
                self._room.lacks()
                return refused, run_ids[start:]
        return refused, []

    async def take(self, run_ids: list[str]) -> list[QueryRefused]:
        """Take these runs; of those that cannot be read together, halves, down to the one that is at fault."""
        try:
            rows = await self._source.runs(run_ids)
        except QueryRefused as exc:
            if len(run_ids) == 1:
                return [QueryRefused(exc.part, f"run {run_ids[0]}: {exc}")]
            middle = len(run_ids) // 2
            return [*await self.take(run_ids[:middle]), *await self.take(run_ids[middle:])]
        refused: list[QueryRefused] = []
        for row in rows:
            try:
                await self._take(row)
            except QueryRefused as exc:
                refused.append(QueryRefused(exc.part, f"run {row.run_id}: {exc}"))
        return refused

    async def _take(self, row: SourceRun) -> None:
        token = self._pages.token(row.page_id)
        if not self._pages.complete and (token is None or row.send_window):
            return  # what the source says of this page is not known yet
        now_ms, zone = self._clock_ms(), self._pages.time_zone(row.page_id)
        own_zones = bool(row.send_window) and (
            row.parent_run_id is not None or await self._source.has_zones(row.run_id)  # a retry's stand elsewhere
        )
        run: Run | Refusal | None = None
        if row.run_id in self._begun:  # what is being sent is what the queue has
            run = await self._queue.spec(row.run_id)
        if run is None:
            run = self._check(row, now_ms=now_ms, has_token=token is not None, time_zone=zone, own_zones=own_zones)
        if isinstance(run, Refusal):
            await self._refuse(row, run)
        elif self._source.name == "submitted" or row.run_id in self._begun:
            # they were stored in one step; or it is being sent, and who is gone since is no reason to leave out others
            await self._admit(run, row, "")
        elif self._survey_is_due(row.run_id) and (reason := await self._survey(row)) is not None:
            await self._admit(run, row, reason)

    def _survey_is_due(self, run_id: str) -> bool:
        now_s = trio.current_time()
        if run_id not in self._refused:
            return True
        due = now_s >= self._survey_at.get(run_id, now_s)
        if due:
            self._survey_at[run_id] = now_s + _SURVEY_EVERY_S
        return due

    async def _survey(self, row: SourceRun) -> str | None:
        """Look at the run's recipients; return what is to be said of them ("" when nothing is), None: not now."""
        survey = await self._source.survey(row.run_id)
        if lacking := unseen(expected_recipients(row), survey.rows):
            await self._wait(row, lacking)
            return None
        if problem := unusable(survey):
            await self._refuse(row, Refusal(problem))
            return None
        if survey.without_id:
            log.warning("recipients_without_id", run_id=row.run_id, rows=survey.without_id)
            return f"{survey.without_id} rows without a usable recipient_id were left out"
        return ""

    async def _wait(self, row: SourceRun, lacking: str) -> None:
        """Nobody is written to until all can be seen; in the end the run is refused, and may be taken again."""
        before, for_s = self._noted.get(row.run_id, (None, 0.0))
        if row.run_id in self._refused or (before and before.kind == "waiting" and for_s * 1000 >= self._grace_ms):
            await self._refuse(row, Refusal(lacking))
            return
        if before is None:
            log.warning("run_waits", run_id=row.run_id, page_id=row.page_id, reason=lacking)
        self.waiting.append(NotTaken(row.run_id, row.page_id or "", "waiting", lacking))

    async def _admit(self, run: Run, row: SourceRun, reason: str) -> None:
        await self._pages.send([run.page_id], self._epoch)
        await self._queue.create_run(run)
        await self._hours.begin(run.run_id, run.page_id, row.send_window)
        if await self._queue.epoch() != self._epoch:
            return  # the queue was emptied on the way: the page is no longer there; the next poll begins anew
        if await self._registry.register(run, row, self._source.name, self._epoch, reason or None):
            self._figures.runs_taken += 1
            log.info("run_taken", run_id=run.run_id, page_id=run.page_id, source=self._source.name)

    async def _refuse(self, row: SourceRun, refusal: Refusal) -> None:
        if self._refused.get(row.run_id) == refusal.reason:
            return
        for_now = self._source.name == "source" and row.run_id not in self._begun
        if await self._registry.refuse(row, self._source.name, refusal, for_now=for_now):
            self._figures.runs_refused += 1
            hint = "mend it: it is looked at again for a day, and later when its updated_at is newer than this"
            if self._source.name == "submitted":
                hint = "mend it and submit it again, under its id or another"
            log.warning("run_refused", run_id=row.run_id, page_id=row.page_id, reason=refusal.reason, hint=hint)
