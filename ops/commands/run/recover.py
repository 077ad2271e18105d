"""`newar run recover`: the rest of a run whose queue was lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import typer
from redis.asyncio import Redis

from ops.commands.run.caught_up import wait_for_rows
from ops.commands.run.run_id import RunId
from ops.settings.checked import load_checked
from ops.shell.exits import CommandFailed
from ops.shell.output import AsJson, print_json
from ops.shell.service import run_once
from schema.runtime.asyncio_door import aio
from schema.runtime.outage import Outage
from schema.runtime.redis import open_redis
from sender.queue.page_queue import PageQueue
from sender.queue.run_queue import RunQueue
from sender.runs.by_hand.recovery import Recovered, Recovery
from sender.runs.databases.database import Database
from sender.runs.databases.registry import Registry
from sender.runs.databases.source_views import SUBMITTED, Source, SourceName, Views
from sender.runs.known_pages import KnownPages
from sender.runs.settings import RunsSettings
from sender.sealed_tokens import TokenBox
from sender.settings import SenderSettings

NOTICED_WITHIN_S = 10.0
"""How long a living sender may take to see that Redis is back: it asks every five seconds at the latest."""
ROWS_WITHIN_S = 30.0
"""How long `recover` waits for the log to be complete before it says what is missing."""


class RecoverSettings(RunsSettings, SenderSettings):
    """Settings of `newar run recover`: what the run processor and the senders are told."""


def recover_run(run_id: RunId, as_json: AsJson = False) -> None:
    """Send what is left of a run whose queue was lost: to those without an outcome in the log.

    Only when the queue is gone for good. When merely REDIS_URL was wrong, set it back: the run then goes on by itself.
    A queue whose runs were recovered must never be used again.

    Nobody whose outcome is in the log is sent to again, and senders that were alive log even what was on its way.
    Senders that died together with the queue cannot: of each, at most WORKER_CONCURRENCY x GRAPH_BATCH_SIZE messages,
    and those events that the broker had not taken yet, may have left without a trace; these go out twice.
    """
    settings = load_checked(RecoverSettings)
    recovered = run_once(lambda: recover(settings, run_id))
    if as_json:
        print_json({**msgspec.structs.asdict(recovered), "untraced_per_dead_sender": _untraced(settings)})
        return
    at_most = "" if recovered.complete else "at most "
    typer.echo(
        f"run {run_id}: {at_most}{recovered.ended} recipients keep their outcome; the run processor enqueues the others"
    )
    typer.echo(
        f"For each sender that died together with the queue, up to {_untraced(settings)} messages may have left "
        "without a trace and go out again; for those that lived on, none."
    )
    if not recovered.complete:
        typer.echo("The log no longer has the days on which it began: who got the message then would GET IT AGAIN.")
    elif recovered.held:
        typer.echo("It was being cancelled, or a rule had braked it.")
    if recovered.held:
        typer.echo(f"It is held now: newar run cancel {run_id} ends it, resume sends the rest.")


async def recover(settings: RecoverSettings, run_id: str) -> Recovered:
    """Let a lost run go on, once the log is complete.

    Raises:
        CommandFailed: it is too early, or the log is not complete.
        RunUnusable: there is nothing to recover.
    """
    async with _recovery(settings) as (recovery, redis):
        early_s = settled_after_s(settings) - await recovery.lost_for_s(run_id)
        if early_s > 0:
            raise CommandFailed(
                f"run {run_id}: the loss was noticed a moment ago, and answers of messages that were on their way may "
                f"still come in; try again in {early_s:.0f} s"
            )
        url = settings.log_database_url.get_secret_value()
        if missing := await wait_for_rows(redis, settings, url, within_s=ROWS_WITHIN_S):
            raise CommandFailed(f"run {run_id}: who got the message is not fully known yet: {missing}")
        return await recovery.recover(run_id)


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
        pages = KnownPages(PageQueue(redis), TokenBox(settings.token_encryption_key), complete="source" not in sources)
        yield Recovery(Registry(log), RunQueue(redis), pages, sources), redis


def _untraced(settings: RecoverSettings) -> int:
    return settings.worker_concurrency * settings.graph_batch_size
