"""The ingest service: its nurseries and connections, and nothing else."""

from __future__ import annotations

import trio

from ingest.committed import publish_committed
from ingest.consume import Ingest
from ingest.figures import Figures
from ingest.keeping.keep import keep_dropping_days, keep_making_days, keep_tidy
from ingest.settings import IngestSettings
from schema.runtime.asyncio_door import aio
from schema.runtime.publish import publish_snapshots
from schema.runtime.redis import open_redis
from schema.runtime.stop import Stop
from schema.runtime.traces import open_traces

_CLOSE_S = 2.0


async def serve(
    settings: IngestSettings, stop: Stop, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Move events from the topic to the log database until `stop`. The caller has opened the asyncio loop.

    services (outlive the work)
    ├── publish_snapshots, publish_committed
    ├── keep_making_days, keep_dropping_days, keep_tidy
    └── work
        ├── stop.enforce
        ├── _pass_on: a soft stop, to the asyncio side
        └── _ingest: check_schema, then ingest.run

    Raises (in an ExceptionGroup):
        MigrationsPending, SchemaNewer: when the log database is older or newer than this program.
        IngestStops: when a person must decide before events become rows again.
    """
    async with open_traces(settings, "ingest", settings.kafka_topic) as traces:
        figures, ready = Figures(settings), trio.Event()
        ingest = Ingest(settings, figures, ready.set, traces)
        redis = open_redis(settings.redis_url.get_secret_value())
        try:
            async with trio.open_nursery() as services:
                services.start_soon(publish_snapshots, redis, figures.snapshot)
                services.start_soon(publish_committed, redis, figures)
                async with trio.open_nursery() as work:
                    work.start_soon(stop.enforce, work.cancel_scope)
                    work.start_soon(_pass_on, stop, ingest)
                    work.start_soon(_ingest, ingest, settings, services, work.cancel_scope)
                    await ready.wait()
                    task_status.started()
                services.cancel_scope.cancel()
            if not ready.is_set():
                task_status.started()  # stopped before it was ready: whoever waits for that shall go on
        finally:
            with trio.move_on_after(_CLOSE_S, shield=True):
                await aio(redis.aclose)


async def _pass_on(stop: Stop, ingest: Ingest) -> None:
    await stop.requested.wait()
    ingest.stop()


async def _ingest(ingest: Ingest, settings: IngestSettings, services: trio.Nursery, work: trio.CancelScope) -> None:
    await aio(ingest.check_schema)
    for task in (keep_making_days, keep_dropping_days, keep_tidy):
        services.start_soon(aio, task, settings)
    await aio(ingest.run)
    work.cancel()
