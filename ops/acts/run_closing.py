"""Runs that may have been sent before a backup was restored: found, and closed, so that nobody takes them again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import trio
from redis.asyncio import Redis

from ops.acts.here import log_url
from ops.acts.not_done import ActRefused
from ops.acts.settings import CloseSettings
from ops.board.merge import live
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.outage import Outage
from schema.runtime.redis import open_redis
from sender.queue.run_queue import RunQueue
from sender.runs.by_hand.closing import Closable, Closings, closable, close
from sender.runs.databases.database import Database
from sender.runs.databases.source_views import SUBMITTED, Source, Views


async def closable_runs(settings: CloseSettings, before: datetime) -> Closings:
    """Say which runs may have been taken up to this moment and would be sent again. Changes nothing.

    Raises:
        ActRefused: the moment has not come, or a run processor is running.
        DatabaseAway, QueryRefused, redis.RedisError: who knows the runs is away.
        CannotNow: a setting that it takes is missing here.
    """
    if before > datetime.now(UTC):
        raise ActRefused("that moment has not come: write when the database was lost that was restored, or now")
    async with _opened(settings) as (sources, database, redis):
        await _demand_no_run_processor(redis)
        return await closable(sources, database, RunQueue(redis), before)


async def close_runs(settings: CloseSettings, runs: list[Closable], before: datetime, who: str) -> list[str]:
    """Close these; return those for which that is news. Errors: as `closable_runs`."""
    async with _opened(settings) as (_, database, redis):
        await _demand_no_run_processor(redis)
        return await close(database, runs, before, who)


async def _demand_no_run_processor(redis: Redis) -> None:
    """Refuse while somebody takes runs: those that were taken again meanwhile could not be told from others."""
    queue = RunQueue(redis)
    snapshots: Any = await aio(redis.hvals, key("processes"))
    running = [one for one in live(snapshots, await queue.clock_ms() / 1000) if one.service == "runs"]
    if running:
        raise ActRefused(
            "run processors are running (%(who)s): stop all of them first, and start them when this is done",
            who=", ".join(f"{one.host}, process {one.pid}" for one in running),
        )


@asynccontextmanager
async def _opened(settings: CloseSettings) -> AsyncIterator[tuple[list[Source], Database, Redis]]:
    log_url(settings)
    async with AsyncExitStack() as stack:
        redis = open_redis(settings.redis_url.get_secret_value())
        stack.push_async_callback(_leave, redis)
        log = await stack.enter_async_context(
            Database(settings.log_database_url, Outage("log database"), read_only=False)
        )
        sources = [Source("submitted", log, SUBMITTED)]
        if settings.source_database_url is not None:
            database = Database(settings.source_database_url, Outage("source database"), read_only=True)
            sources.append(Source("source", await stack.enter_async_context(database), Views.of(settings)))
        yield sources, log, redis


async def _leave(redis: Redis) -> None:
    with trio.move_on_after(1, shield=True):
        await aio(redis.aclose)
