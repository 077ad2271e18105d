"""All figures in one place: one reading of Redis a second, however many ask, and the answers made from it."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

import msgspec
from redis.asyncio import Redis

from ops.board import queue_figures
from ops.board.answers import (
    CircuitBreaker,
    FailuresAnswer,
    Health,
    HttpClient,
    Ingest,
    Overview,
    Performance,
    QueueAnswer,
)
from ops.board.audit.audit_trail import AuditTrail
from ops.board.checks import Seen, check_all
from ops.board.dry_run import DryRuns
from ops.board.errors import NO_PAGE, NotFound
from ops.board.graphs.graphs import Graphs
from ops.board.history import History, HistoryUnreachable
from ops.board.letter_counts import DeadLetters, count_dead_letters, read_dead_letters
from ops.board.limit_answers import LimitsAnswer
from ops.board.moment import Moment
from ops.board.page_limits import explained, shipped_in_words
from ops.board.pages.logged_pages import LoggedPages
from ops.board.pages.page_list import Pages
from ops.board.pages.page_names import PageNames
from ops.board.pages.page_reading import Around
from ops.board.people.job_of_person import open_jobs
from ops.board.reading import NEWEST_RUNS, QueueReader, QueueUnreachable
from ops.board.run_rates import RunRates
from ops.board.runs.causes import Holding
from ops.board.runs.run_answers import CheckStatus, RunAnswer, RunDetail, RunsAnswer
from ops.board.runs.run_book import Found, RunBook
from ops.board.runs.run_counts import progress_of
from ops.board.runs.wanted_runs import WantedRuns, wanted_runs
from ops.board.settings import BoardSettings
from ops.board.shared import Shared
from ops.board.suppressions import SuppressionsAnswer
from ops.board.timeline.timelines import Timelines
from ops.local.restarts import States
from ops.message_log.log_rows import LogAnswer
from ops.message_log.question import question
from schema.run import RunState
from schema.text import N_

__all__ = ["Board", "NotFound"]
FRESH_S = 1.0
HEALTH_FRESH_S = 2.0
HISTORY_FRESH_S = 5.0
LETTERS_FRESH_S = 15.0
NO_RUN = N_("neither the queue nor the run registry knows this run")


class Board:
    """Answers the endpoints. Methods raise QueueUnreachable when Redis is away, unless they say otherwise."""

    def __init__(self, settings: BoardSettings, redis: Redis, servers: States | None = None) -> None:
        self.servers = {} if servers is None else servers
        self._reader = QueueReader(redis)
        self._rates = RunRates()
        url = settings.log_database_url
        self._history = History(url.get_secret_value()) if url else None
        self.graphs = Graphs(self._reader, self._history)
        self._moment = Shared(self._read, FRESH_S)
        self._health = Shared(lambda: check_all(settings, self._seen, self.servers), HEALTH_FRESH_S)
        self._runs = RunBook(self._history, self._reader, self._rates, self._newest)
        self._newest_runs = Shared(lambda: self._runs.listed(WantedRuns(), NEWEST_RUNS), HISTORY_FRESH_S)
        ask = self._history.ask if self._history else None
        logged = LoggedPages(ask)
        self._letters = Shared(self._count_letters, LETTERS_FRESH_S)
        self.pages = Pages(redis, ask, self._around, logged)
        self.names = PageNames(redis, logged)
        self.timelines = Timelines(redis, ask)
        self.trail = AuditTrail(redis, url.get_secret_value() if url else None)
        keep_window, rules_off = settings.enforce_messaging_window, settings.rules_off
        around, find, newest = self._around, self.find_run, self._registered_runs
        self.jobs = open_jobs(settings, redis, self._history, around, self.names, find, newest)
        self._dry_runs = DryRuns(settings, redis, keep_window=keep_window, rules_off=rules_off) if url else None

    async def close(self) -> None:
        """Close what it has opened."""
        await self.trail.close()
        if self._history is not None:
            await self._history.close()

    def look_anew(self) -> None:
        """Forget what was read before somebody did something."""
        self._moment.forget()
        self._letters.forget()
        self._newest_runs.forget()
        self.timelines.forget()

    async def moment(self) -> Moment:
        """Return what is known now, at most a second old."""
        return await self._moment.get()

    async def health(self) -> Health:
        """Return the state of every part; never fails."""
        return await self._health.get()

    async def performance(self) -> Performance:
        """Return the senders' figures."""
        return (await self.moment()).performance

    async def http_client(self) -> HttpClient:
        """Return the connection pools' figures."""
        return (await self.moment()).http_client

    async def queue(self) -> QueueAnswer:
        """Return the queue's figures."""
        return (await self.moment()).queue

    async def circuit_breaker(self) -> CircuitBreaker:
        """Return the breakers that are not closed."""
        return (await self.moment()).circuit_breaker

    async def ingest(self) -> Ingest:
        """Return the ingest's figures."""
        return (await self.moment()).ingest

    async def failures(self, limit: int) -> FailuresAnswer:
        """Return the newest failures."""
        return FailuresAnswer(failures=queue_figures.failures((await self.moment()).reading, limit))

    async def runs(self, limit: int, *, pages: Collection[str] | None = None, **filters: str | None) -> RunsAnswer:
        """Return runs, newest first. What the queue says counts more than the registry.

        Args:
            limit: how many at most.
            pages: the only pages whose runs may be seen; None: all.
            filters: as of `wanted_runs`.

        Raises:
            BadFilter: naming what cannot be used.
        """
        return await self._runs.listed(wanted_runs(**filters, pages=pages), limit)

    async def run(self, run_id: str, *, pages: Collection[str] | None = None) -> RunDetail:
        """Return one run, as queue and registry know it, with whom it did not reach as the log knows.

        `pages`: as of `runs`.

        Raises:
            NotFound: when neither does.
            HistoryUnreachable: the queue does not know it, and the registry cannot be asked.
        """
        run, found = await self._found(run_id)
        if pages is not None and run.page_id not in pages:
            raise NotFound(NO_RUN)
        return await self._runs.detail(run, found)

    async def _found(self, run_id: str) -> tuple[RunAnswer, Found]:
        found = await self._runs.one(run_id)
        run = found.run
        if run is None and found.history == "down":
            raise HistoryUnreachable("the log database cannot be read, and the queue does not know this run")
        if run is None and found.queue == "down":
            raise QueueUnreachable("Redis cannot be used, and the run registry does not know this run")
        if run is None:
            raise NotFound(NO_RUN)
        return run, found

    async def log(self, limit: int, *, pages: frozenset[str] | None = None, **filters: str | None) -> LogAnswer:
        """Return rows of the log, newest first; `pages`: as of `runs`.

        Raises:
            BadQuestion: naming what cannot be asked.
            HistoryUnreachable: when the log database does not answer.
            NotFound: when it is not configured here.
        """
        if self._history is None:
            raise NotFound("LOG_DATABASE_URL is not set for this service: the log is in the log database")
        asked = msgspec.structs.replace(question(filters), pages=pages)
        if asked.run is not None and pages is not None and not await self._is_of(asked.run, pages):
            return LogAnswer([], None)  # else all of its rows would be looked at, for none
        return await self._history.log(asked, limit)

    async def _is_of(self, run_id: str, pages: Collection[str]) -> bool:
        try:
            return (await self.find_run(run_id)).page_id in pages
        except NotFound:
            return False

    async def suppressions(
        self, limit: int, *, pages: Collection[str] | None = None, **filters: str | None
    ) -> SuppressionsAnswer:
        """Return people whom runs leave out; `pages`: as of `runs`.

        Raises:
            BadFilter: naming what cannot be used.
            HistoryUnreachable: when the log database does not answer.
            NotFound: when it is not configured here.
        """
        if self._history is None:
            raise NotFound("LOG_DATABASE_URL is not set for this service: suppressions are in the log database")
        return await self._history.suppressions(filters, limit, pages)

    async def dead_letters(self) -> DeadLetters:
        """Return how many events no row of the log could hold, and why. Errors: as of `log`, but for BadQuestion."""
        if self._history is None:
            raise NotFound("LOG_DATABASE_URL is not set for this service: dead letters are in the log database")
        return await read_dead_letters(self._history)

    async def dead_letters_there(self) -> int | None:
        """Return how many they are, up to 100,000; None: that cannot be asked. Never fails."""
        return await self._letters.get()

    async def page_limits(self, page_id: str) -> LimitsAnswer:
        """Return why a page is as fast as it is, in words for the rules that are shipped.

        Raises:
            NotFound: when it never had a run.
        """
        defaults = (await self.moment()).reading.defaults
        found = await self._reader.limits(page_id, defaults.limits)
        if page_id not in found.pages:
            raise NotFound(NO_PAGE)
        return explained(page_id, found, defaults, shipped_in_words())

    @property
    def dry_runs(self) -> DryRuns:
        """What goes through runs without a trace.

        Raises:
            NotFound: without the log database.
        """
        if self._dry_runs is None:
            raise NotFound("LOG_DATABASE_URL is not set for this service: a dry run needs the log database")
        return self._dry_runs

    async def summary(self) -> Overview:
        """Return what the start page shows, of one moment."""
        return (await self.moment()).summary

    async def overview(self) -> bytes:
        """Return the JSON of an Overview."""
        return (await self.moment()).overview

    async def _around(self) -> Around:
        moment = await self.moment()
        app = queue_figures.app_pause(moment.reading)
        return Around(moment.reading.unfinished, moment.reading.defaults, app)

    async def _seen(self) -> Seen:
        moment = await self.moment()
        paused = queue_figures.app_pause(moment.reading).by_hand
        try:
            await self._reader.check_permissions()
        except QueueUnreachable as exc:
            return Seen(moment.processes, paused, str(exc))
        return Seen(moment.processes, paused)

    async def _read(self) -> Moment:
        reading = await self._reader.read()
        unfinished = {run: fields for run, fields in reading.runs.items() if fields.get("state") != RunState.FINISHED}
        self._rates.note({run: progress_of(fields) for run, fields in unfinished.items()}, reading.at_s)
        return Moment(reading, reading.processes, Holding(reading), self._rates)

    async def _count_letters(self) -> int | None:
        with suppress(HistoryUnreachable):
            return await count_dead_letters(self._history) if self._history else None
        return None

    async def _newest(self) -> Holding:
        return (await self.moment()).holding

    async def find_run(self, run_id: str) -> RunAnswer:
        """Return one run, as queue and registry know it. Errors: as of `run`."""
        return (await self._found(run_id))[0]

    async def _registered_runs(self) -> list[RunAnswer]:
        return (await self.registered())[1]

    async def registered(self) -> tuple[CheckStatus, list[RunAnswer]]:
        """Return the newest runs, and whether the registry could be asked."""
        try:
            answer = await self._newest_runs.get()
        except QueueUnreachable:
            return "down", []
        return answer.history, answer.runs
