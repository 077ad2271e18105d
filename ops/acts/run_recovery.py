"""The rest of a run whose queue was lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from redis.asyncio import Redis

from ops.acts.caught_up import wait_for_rows
from ops.acts.here import KEY_MISSING, log_url, token_box
from ops.acts.not_done import ActRefused, CannotNow
from ops.acts.run_desk import sql
from ops.acts.settings import RecoverSettings
from ops.board.log_query import query
from schema.runtime.asyncio_door import aio
from schema.runtime.outage import Outage
from schema.runtime.redis import open_redis
from schema.text import Figure
from sender.queue.page_queue import PageQueue
from sender.queue.run_queue import RunQueue
from sender.runs.by_hand.recovery import Recovered, Recovery
from sender.runs.databases.database import Database
from sender.runs.databases.registry import Registry
from sender.runs.databases.source_views import SUBMITTED, Source, SourceName, Views
from sender.runs.known_pages import KnownPages

NOTICED_WITHIN_S = 10.0
"""How long a living sender may take to see that Redis is back: it asks every five seconds at the latest."""
ROWS_WITHIN_S = 30.0
"""How long `recover` waits for the log to be complete before it says what is missing."""


async def recover_run(
    settings: RecoverSettings, run_id: str, who: str, *, within_s: float = ROWS_WITHIN_S
) -> Recovered:
    """Let a lost run go on, once the log is complete, for which it waits so many seconds.

    Raises:
        ActRefused: it is too early, or the log is not complete.
        RunUnusable: there is nothing to recover.
        CannotNow: a setting that it takes is missing here.
    """
    url = log_url(settings)
    if settings.token_encryption_key is None:
        raise CannotNow(KEY_MISSING)
    if settings.kafka_bootstrap_servers is None:
        raise CannotNow("KAFKA_BOOTSTRAP_SERVERS is not set for this service: whether the log is complete is not known")
    async with _recovery(settings) as (recovery, redis):
        early_s = settled_after_s(settings) - await recovery.lost_for_s(run_id)
        if early_s > 0:
            raise ActRefused(
                "run %(run)s: the loss was noticed a moment ago, and answers of messages that were on their way may "
                "still come in; try again in %(n)s s",
                run=run_id,
                n=Figure(early_s, ".0f"),
            )
        if missing := await wait_for_rows(redis, settings, url, within_s=within_s):
            raise ActRefused(
                "run %(run)s: who got the message is not fully known yet: %(missing)s", run=run_id, missing=missing
            )
        recovered = await recovery.recover(run_id)
        detail = f"{recovered.ended} keep their outcome, the others are enqueued"
        await query(url, sql("note_act"), {"who": who, "what": "run recover", "target": run_id, "detail": detail})
        return recovered


def settled_after_s(settings: RecoverSettings) -> float:
    """Return how long after the loss a living sender may still learn and log what became of a message. Pure."""
    longest_ms = max(settings.send_timeout_ms, settings.send_timeout_media_ms)
    return (longest_ms + settings.lease_ms) / 1000 + NOTICED_WITHIN_S


@asynccontextmanager
async def _recovery(settings: RecoverSettings) -> AsyncIterator[tuple[Recovery, Redis]]:
    async with AsyncExitStack() as stack:
        redis = open_redis(settings.redis_url.get_secret_value())
        stack.push_async_callback(aio, redis.aclose)
        log = await stack.enter_async_context(
            Database(settings.log_database_url, Outage("log database"), read_only=False)
        )
        sources: dict[SourceName, Source] = {"submitted": Source("submitted", log, SUBMITTED)}
        if settings.source_database_url is not None:
            database = Database(settings.source_database_url, Outage("source database"), read_only=True)
            sources["source"] = Source("source", await stack.enter_async_context(database), Views.of(settings))
        pages = KnownPages(PageQueue(redis), token_box(settings), complete="source" not in sources)
        yield Recovery(Registry(log), RunQueue(redis), pages, sources), redis


def untraced(settings: RecoverSettings) -> int:
    """Return how many messages of a dead sender may have left without a trace. Pure."""
    return settings.worker_concurrency * settings.graph_batch_size
