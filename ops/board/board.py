"""All figures in one place: one reading of Redis a second, however many ask, and the answers made from it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from redis.asyncio import Redis

from ops.board import merge, queue_figures
from ops.board.answers import (
    CheckStatus,
    CircuitBreaker,
    FailuresAnswer,
    Health,
    HttpClient,
    Ingest,
    Overview,
    Performance,
    QueueAnswer,
    RunAnswer,
    RunDetail,
    RunsAnswer,
)
from ops.board.audit.audit_trail import AuditTrail
from ops.board.checks import Seen, check_all
from ops.board.dry_run import DryRuns
from ops.board.errors import NotFound
from ops.board.graphs.graphs import Graphs
from ops.board.history import History, HistoryUnreachable
from ops.board.limit_answers import LimitsAnswer
from ops.board.page_limits import defaults_of, explained, shipped_in_words
from ops.board.pages.page_list import Pages
from ops.board.pages.page_names import PageNames
from ops.board.pages.page_reading import Around
from ops.board.people.job_of_person import open_jobs
from ops.board.reading import NEWEST_RUNS, Fields, QueueReader, QueueUnreachable, Reading
from ops.board.run_log import RunLog
from ops.board.run_rates import RunRates
from ops.board.settings import BoardSettings
from ops.board.shared import Shared
from ops.board.suppressions import SuppressionsAnswer
from ops.message_log.log_rows import LogAnswer
from schema.event import at_us
from schema.run import RunState
from schema.snapshot import ProcessSnapshot

__all__ = ["Board", "Moment", "NotFound"]
FRESH_S = 1.0
HEALTH_FRESH_S = 2.0
HISTORY_FRESH_S = 5.0
OVERVIEW_FAILURES = 25
OVERVIEW_OTHER_RUNS = 25


@dataclass(frozen=True)
class Moment:
    """One reading and the processes that were running then."""

    reading: Reading
    processes: list[ProcessSnapshot]


class Board:
    """Answers the endpoints. Methods raise QueueUnreachable when Redis is away, unless they say otherwise."""

    def __init__(self, settings: BoardSettings, redis: Redis) -> None:
        self._reader = QueueReader(redis)
        self._rates = RunRates()
        url = settings.log_database_url
        self._history = History(url.get_secret_value()) if url else None
        self.graphs = Graphs(self._reader, self._history)
        self._moment = Shared(self._read, FRESH_S)
        self._health = Shared(lambda: check_all(settings, self._seen), HEALTH_FRESH_S)
        self._registry = Shared(self._read_registry, HISTORY_FRESH_S)
        self._overview: tuple[Moment, bytes] | None = None
        self.pages = Pages(redis, self._history.ask if self._history else None, self._around)
        self.names = PageNames(redis)
        self.trail = AuditTrail(redis, url.get_secret_value() if url else None)
        keep_window, rules_off = settings.enforce_messaging_window, settings.rules_off
        self.jobs = open_jobs(settings, redis, self._history, self._around, self.names, self.find_run)
        self._dry_runs = DryRuns(settings, redis, keep_window=keep_window, rules_off=rules_off) if url else None

    async def close(self) -> None:
        """Close what it has opened."""
        await self.trail.close()
        if self._history is not None:
            await self._history.close()

    async def moment(self) -> Moment:
        """Return what is known now, at most a second old."""
        return await self._moment.get()

    async def health(self) -> Health:
        """Return the state of every part; never fails."""
        return await self._health.get()

    async def performance(self) -> Performance:
        """Return the senders' figures."""
        return merge.performance((await self.moment()).processes)

    async def http_client(self) -> HttpClient:
        """Return the connection pools' figures."""
        return merge.http_client((await self.moment()).processes)

    async def queue(self) -> QueueAnswer:
        """Return the queue's figures."""
        return queue_figures.queue((await self.moment()).reading, self._rates)

    async def circuit_breaker(self) -> CircuitBreaker:
        """Return the breakers that are not closed."""
        return queue_figures.breakers((await self.moment()).reading)

    async def ingest(self) -> Ingest:
        """Return the ingest's figures."""
        return merge.ingest((await self.moment()).processes)

    async def failures(self, limit: int) -> FailuresAnswer:
        """Return the newest failures."""
        return FailuresAnswer(failures=queue_figures.failures((await self.moment()).reading, limit))

    async def runs(self, limit: int) -> RunsAnswer:
        """Return the newest runs, newest first. What the queue says counts more than the registry."""
        known = queue_figures.newest_runs((await self.moment()).reading, self._rates)
        history, registered = await self.registered()
        _tell_reasons(known, registered)
        runs = list({run.run_id: run for run in registered + known}.values())
        return RunsAnswer(history=history, runs=_newest_first(runs)[:limit])

    async def run(self, run_id: str) -> RunDetail:
        """Return one run, as the queue or else the registry knows it, with whom it did not reach as the log knows.

        Raises:
            NotFound: when neither does.
        """
        run = await self.find_run(run_id)
        log, known = await self._run_log(run_id)
        if known is None and log == "ok" and run.recipients > run.left:
            log = "unknown"
        missed, logged = (known.not_reached, known.logged) if known else ([], 0 if log == "ok" else None)
        return RunDetail(**msgspec.structs.asdict(run), log=log, not_reached=missed, logged=logged)

    async def log(self, limit: int, **filters: str | None) -> LogAnswer:
        """Return rows of the log, newest first.

        Raises:
            BadQuestion: naming what cannot be asked.
            HistoryUnreachable: when the log database does not answer.
            NotFound: when it is not configured here.
        """
        if self._history is None:
            raise NotFound("LOG_DATABASE_URL is not set for this service: the log is in the log database")
        return await self._history.log(filters, limit)

    async def suppressions(self, limit: int, **filters: str | None) -> SuppressionsAnswer:
        """Return people whom runs leave out.

        Raises:
            BadFilter: naming what cannot be used.
            HistoryUnreachable: when the log database does not answer.
            NotFound: when it is not configured here.
        """
        if self._history is None:
            raise NotFound("LOG_DATABASE_URL is not set for this service: suppressions are in the log database")
        return await self._history.suppressions(filters, limit)

    async def page_limits(self, page_id: str) -> LimitsAnswer:
        """Return why a page is as fast as it is, in words for the rules that are shipped.

        Raises:
            NotFound: when it never had a run.
        """
        defaults = defaults_of((await self.moment()).processes)
        found = await self._reader.limits(page_id, defaults.limits)
        if page_id not in found.pages:
            raise NotFound("this page never had a run")
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
        return self._summary(await self.moment())

    async def overview(self) -> bytes:
        """Return the JSON of an Overview, encoded once per reading."""
        moment = await self.moment()
        if self._overview is None or self._overview[0] is not moment:
            self._overview = (moment, msgspec.json.encode(self._summary(moment)))
        return self._overview[1]

    def _summary(self, moment: Moment) -> Overview:
        performance, queue = merge.performance(moment.processes), queue_figures.queue(moment.reading, self._rates)
        busiest = {run.run_id for run in queue.runs}
        others = [r for r in queue_figures.newest_runs(moment.reading, self._rates) if r.run_id not in busiest]
        return Overview(
            at=at_us(int(moment.reading.at_s * 1e6)),
            messages_per_second=performance.messages_per_second,
            outcomes=performance.outcomes,
            latency_ms=performance.latency_ms,
            queue=queue,
            breaker=queue_figures.breakers(moment.reading),
            ingest=merge.ingest(moment.processes),
            http_client=merge.http_client(moment.processes),
            other_runs=others[:OVERVIEW_OTHER_RUNS],
            failures=queue_figures.failures(moment.reading, OVERVIEW_FAILURES),
            processes=merge.process_rows(moment.processes),
        )

    async def _around(self) -> Around:
        moment = await self.moment()
        app = queue_figures.app_pause(moment.reading)
        return Around(moment.reading.unfinished, defaults_of(moment.processes), app)

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
        done = {run: _done(fields) for run, fields in reading.runs.items() if fields.get("state") != RunState.FINISHED}
        self._rates.note(done, reading.at_s)
        return Moment(reading, merge.live(reading.snapshots, reading.at_s))

    async def _read_registry(self) -> list[RunAnswer]:
        return await self._history.newest(NEWEST_RUNS) if self._history else []

    async def find_run(self, run_id: str) -> RunAnswer:
        """Return one run, as the queue or else the registry knows it. Raises NotFound: neither does."""
        moment = await self.moment()
        fields = moment.reading.runs.get(run_id) or await self._reader.run(run_id)
        if fields:
            found = queue_figures.run(run_id, fields, self._rates, moment.reading.at_s)
            _tell_reasons([found], (await self.registered())[1])
            return found
        registered = await self._history.find(run_id) if self._history else None
        if registered is None:
            raise NotFound("neither the queue nor the run registry knows this run")
        return registered

    async def _run_log(self, run_id: str) -> tuple[CheckStatus, RunLog | None]:
        """Return what the log knows of the run (None: nothing), and whether it could be asked."""
        if self._history is None:
            return "not_configured", None
        try:
            return "ok", await self._history.run_log(run_id)
        except HistoryUnreachable:
            return "down", None

    async def registered(self) -> tuple[CheckStatus, list[RunAnswer]]:
        """Return the registry's newest runs, and whether it could be asked."""
        if self._history is None:
            return "not_configured", []
        try:
            return "ok", await self._registry.get()
        except HistoryUnreachable:
            return "down", []


def _done(fields: Fields) -> int:
    return queue_figures.number(fields, "recipients") - queue_figures.number(fields, "left")


def _tell_reasons(known: list[RunAnswer], registered: list[RunAnswer]) -> None:
    """Say of runs that the queue knows what only the log database has a reason for."""
    reasons = {run.run_id: run.reason for run in registered}
    for run in known:
        run.reason = reasons.get(run.run_id)


def _newest_first(runs: list[RunAnswer]) -> list[RunAnswer]:
    return sorted(runs, key=lambda run: run.taken_at.timestamp() if run.taken_at else 0.0, reverse=True)
