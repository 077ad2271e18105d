"""The run processor's connections and nurseries, drawn in one place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from secrets import token_hex

import structlog
import trio
from redis.asyncio import Redis

from schema.runtime.asyncio_door import aio
from schema.runtime.outage import Outage
from schema.runtime.process import ThisProcess
from schema.runtime.publish import publish_snapshots
from schema.runtime.redis import open_redis
from schema.runtime.stop import Stop
from schema.runtime.traces import Traces, open_traces
from schema.snapshot import ProcessSnapshot, RunsSnapshot
from sender.queue.audit_stream import AuditStream
from sender.queue.denied_people import DeniedPeople
from sender.queue.page_queue import PageQueue
from sender.queue.permissions import Permissions
from sender.queue.redis_memory import MemoryReader
from sender.queue.run_queue import RunQueue
from sender.runs.audit_carrier import AuditCarrier
from sender.runs.bookkeeper import Bookkeeper
from sender.runs.databases.database import Database, check_address
from sender.runs.databases.fitting_schema import FittingSchema
from sender.runs.databases.not_taken_runs import NotTakenRuns
from sender.runs.databases.noted_names import NotedNames
from sender.runs.databases.registry import Registry
from sender.runs.databases.source_views import SUBMITTED, Source, Views
from sender.runs.known_pages import KnownPages
from sender.runs.poll_loop import repeat
from sender.runs.processor import RunProcessor
from sender.runs.room import Room
from sender.runs.settings import RunsSettings
from sender.runs.source_watch import fares_of, noted, watch
from sender.runs.webhooks.teller import LOOK_EVERY_S, Teller
from sender.sealed_tokens import TokenBox

log = structlog.get_logger()


async def serve(
    settings: RunsSettings, stop: Stop, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Process runs until a stop is wanted; the caller has opened the asyncio loop.

    Parts that are away do not end it: they are tried again, and what does not need them goes on.

    Raises:
        SettingsError: when an address cannot be read.
    """
    check_address(settings.log_database_url, "LOG_DATABASE_URL")
    if settings.source_database_url is not None:
        check_address(settings.source_database_url, "SOURCE_DATABASE_URL")
    else:
        log.info("no_source", detail="SOURCE_DATABASE_URL is not set: only submitted runs are sent")
    redis = open_redis(settings.redis_url.get_secret_value())
    async with open_traces(settings, "runs") as traces:
        try:
            service = _Service(settings, stop, redis, traces)
            async with trio.open_nursery() as others:  # must outlive the work
                others.start_soon(publish_snapshots, redis, service.snapshot)
                async with trio.open_nursery() as work:
                    work.start_soon(stop.enforce, work.cancel_scope)
                    task_status.started()
                    await service.work()
                    work.cancel_scope.cancel()
                others.cancel_scope.cancel()
        finally:
            with trio.move_on_after(1, shield=True):
                await aio(redis.aclose)


class _Service:
    """The loops of one process and what they share. A source that hangs holds up only its own loop."""

    def __init__(self, settings: RunsSettings, stop: Stop, redis: Redis, traces: Traces | None) -> None:
        self._settings = settings
        self._traces = traces
        self._stop = stop
        self._permissions, self._permitted = Permissions(redis), False
        self._queue = RunQueue(redis)
        self._denied = DeniedPeople(redis)
        self._audit = (AuditStream(redis), AuditStream(redis, by_person=False))
        self._figures = RunsSnapshot()
        self._memory = MemoryReader(redis, settings.redis_maxmemory_bytes)
        self._pages = KnownPages(
            PageQueue(redis), TokenBox(settings.token_encryption_key), complete=settings.source_database_url is None
        )
        self._redis_outage = Outage("redis")
        self._log_outage = Outage("log database")
        self._source_outage = Outage("source database")
        self._schema = FittingSchema(settings.log_database_url, self._log_outage)
        self._process = ThisProcess(
            "runs",
            f"runs-{token_hex(4)}",
            {"poll_interval_ms": settings.poll_interval_ms, "enqueue_chunk": settings.enqueue_chunk},
        )

    async def work(self) -> None:
        """Run the loops until each has seen the stop."""
        async with trio.open_nursery() as loops:
            loops.start_soon(self._keep_books)
            loops.start_soon(self._process_submitted)
            loops.start_soon(self._process_source)
            loops.start_soon(self._tell_platform)

    def snapshot(self) -> ProcessSnapshot:
        """Return what the process says of itself."""
        self._figures.source_down = self._source_outage.down
        self._figures.log_database_down = self._log_outage.down
        return self._process.snapshot(self._figures)

    async def _keep_books(self) -> None:
        async with self._log_database() as database:
            bookkeeper = Bookkeeper(Registry(database), self._queue, self._figures)
            carrier = AuditCarrier(database, self._audit, self._queue)

            async def look(_next_turn: float) -> None:
                await self._ready()
                await bookkeeper.look()
                await self._denied.forget()
                await carrier.carry()

            await self._repeat(look)

    async def _tell_platform(self) -> None:
        async with self._log_database() as database:
            teller = Teller(database, self._settings, self._figures)
            await repeat(
                lambda _next_turn: teller.tell(),
                interval_s=LOOK_EVERY_S,
                stop=self._stop,
                redis_outage=Outage("redis"),  # of which it needs nothing
            )

    async def _process_submitted(self) -> None:
        async with self._log_database() as database:
            await self._process_runs(Source("submitted", database, SUBMITTED), database)

    async def _process_source(self) -> None:
        settings = self._settings
        if settings.source_database_url is None:
            return
        async with (
            Database(settings.source_database_url, self._source_outage, read_only=True) as database,
            self._log_database() as log_database,
        ):
            await self._process_runs(Source("source", database, Views.of(settings)), log_database, database)

    async def _process_runs(self, source: Source, log_database: Database, *others: Database) -> None:
        settings = self._settings
        processor = RunProcessor(
            source,
            Registry(log_database),
            NotTakenRuns(log_database, source.name),
            NotedNames(log_database),
            self._queue,
            self._pages,
            Room(source.name, self._memory, settings.redis_reserve_share, self._figures),
            chunk=settings.enqueue_chunk,
            figures=self._figures,
            grace_ms=settings.source_empty_run_grace_ms,
            enforce_window=settings.enforce_messaging_window,
            rules_off=settings.rules_off,
            traces=self._traces,
        )

        fares = fares_of(source.name, self._figures)

        async def turn(next_turn: float) -> None:
            with noted(fares):
                await self._ready()
                await processor.turn(next_turn, self._stop.requested)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, fares, [log_database, *others])
            await self._repeat(turn)
            nursery.cancel_scope.cancel()

    async def _ready(self) -> None:
        """Go on when Redis permits what is needed and the log database fits. Errors: as those two say."""
        if not self._permitted:
            await self._permissions.demand()
            self._permitted = True
        await self._schema.demand()

    async def _repeat(self, turn: Callable[[float], Awaitable[None]]) -> None:
        await repeat(
            turn,
            interval_s=self._settings.poll_interval_ms / 1000,
            stop=self._stop,
            redis_outage=self._redis_outage,
        )

    def _log_database(self) -> Database:
        return Database(self._settings.log_database_url, self._log_outage, read_only=False)
