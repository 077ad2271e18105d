"""`newar bench poll`: what a look at runs that are being sent costs when nothing changes, by the CPU time for each."""

from __future__ import annotations

import base64
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Literal

import psycopg
import trio
from pydantic import SecretStr
from redis.asyncio import Redis

from ops.bench.processes import cpu_us_each, usage_by_role
from ops.bench.rounds import paired
from ops.bench.stage import MESSAGE
from ops.local.servers import open_servers
from schema.job import Job, encode_record, job_id
from schema.migrate import migrate
from schema.run import Run
from schema.runtime.asyncio_door import aio
from schema.runtime.outage import Outage
from schema.runtime.redis import open_redis
from schema.snapshot import RunsSnapshot
from sender.queue.page_queue import PageQueue
from sender.queue.redis_memory import MemoryReader
from sender.queue.run_queue import RunQueue
from sender.runs.bookkeeper import Bookkeeper
from sender.runs.databases.database import Database
from sender.runs.databases.not_taken_runs import NotTakenRuns
from sender.runs.databases.noted_names import NotedNames
from sender.runs.databases.registry import Registry
from sender.runs.databases.source_views import Source, Views
from sender.runs.known_pages import KnownPages
from sender.runs.processor import RunProcessor
from sender.runs.room import Room
from sender.sealed_tokens import TokenBox

Look = Literal["poll", "books"]
LOOKS: tuple[Look, ...] = ("poll", "books")
"""The run processor's look at its source, and the bookkeeper's at the registry: each has a loop of its own."""


Looks = dict[Look, Callable[[], Awaitable[object]]]


@dataclass(frozen=True, kw_only=True)
class PollOptions:
    """How many runs, and of what kind."""

    runs: int = 10_000
    pages: tuple[int, ...] = (20, 10_000)
    windows: float = 0.2
    """Share of the runs that have a send window."""
    rounds: int = 3
    durable: bool = True

    @property
    def cases(self) -> list[PollCase]:
        """Everything to be measured."""
        return [PollCase(look=look, pages=pages) for pages in self.pages for look in LOOKS]


@dataclass(frozen=True, kw_only=True)
class PollCase:
    """Who looks, at runs of how many pages."""

    look: Look
    pages: int


@dataclass(frozen=True, kw_only=True)
class PollFigures:
    """What one look showed."""

    runs_per_s: float
    cpu_us: dict[str, float]
    """CPU time for each run: of the run processor (`bench`), of Redis, and of Postgres, nearly all of it for one query:
    the heads of the runs, or the registry's unfinished ones."""


async def bench_poll(options: PollOptions) -> list[list[PollFigures]]:
    """Return the figures of each case, one for each round. Runs inside the asyncio loop's block."""
    found: list[list[PollFigures]] = []
    for pages in options.pages:
        async with _looks(options, pages) as looks:
            found += await paired(LOOKS, options.rounds, partial(_measure, looks, options.runs))
    return found


@asynccontextmanager
async def _looks(options: PollOptions, pages: int) -> AsyncIterator[Looks]:
    """Open a world with these runs, in which everything has been looked at once."""
    with tempfile.TemporaryDirectory(prefix="newar-bench-") as folder:
        async with open_servers(Path(folder), {"postgres", "redis"}, durable=options.durable) as local:
            url = str(local.postgres_url)
            await aio(migrate, url)
            redis = open_redis(str(local.redis_url))
            try:
                queue = RunQueue(redis)
                epoch = await queue.epoch()
                for run_id, page_id in await trio.to_thread.run_sync(_make_runs, url, options, pages, epoch):
                    await _enqueue(queue, run_id, page_id)
                async with _database(url) as source, _database(url) as log:
                    processor, bookkeeper = _parts(redis, source, log)
                    looks: Looks = {"poll": processor.poll, "books": bookkeeper.look}
                    for look in looks.values():
                        await look()
                    yield looks
            finally:
                with trio.CancelScope(shield=True):
                    await aio(redis.aclose)


async def _measure(looks: Looks, runs: int, look: Look) -> PollFigures:
    before, began = usage_by_role(), trio.current_time()
    await looks[look]()
    seconds = trio.current_time() - began
    return PollFigures(runs_per_s=round(runs / seconds, 1), cpu_us=cpu_us_each(before, usage_by_role(), runs))


def _parts(redis: Redis, source: Database, log: Database) -> tuple[RunProcessor, Bookkeeper]:
    box = TokenBox(SecretStr(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()))
    figures, registry, queue = RunsSnapshot(), Registry(log), RunQueue(redis)
    pages = KnownPages(PageQueue(redis), box, complete=False)
    told = NotTakenRuns(log, "source"), NotedNames(log)
    room = Room("source", MemoryReader(redis, None), 0.1, figures)
    processor = RunProcessor(
        Source("source", source, Views()), registry, *told, queue, pages, room, chunk=1, figures=figures, grace_ms=0
    )
    return processor, Bookkeeper(registry, queue, figures)


def _database(url: str) -> Database:
    return Database(SecretStr(url), Outage("database"), read_only=False)


def _make_runs(url: str, options: PollOptions, pages: int, epoch: str) -> list[tuple[str, str]]:
    """Fill source and registry; return each run with its page. Blocks."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("tables.sql", "views.sql"):
            connection.execute((files("schema") / "source" / name).read_bytes())
        values = {"runs": options.runs, "pages": pages, "timed": round(options.runs * options.windows)}
        query = (files("ops.bench") / "poll_runs.sql").read_bytes()
        made: list[tuple[str, str]] = connection.execute(query, {**values, "queue_epoch": epoch}).fetchall()
        connection.execute("ANALYZE")
        return made


async def _enqueue(queue: RunQueue, run_id: str, page_id: str) -> None:
    in_a_day_ms = time.time_ns() // 1_000_000 + 24 * 3600 * 1000
    await queue.create_run(Run(run_id=run_id, page_id=page_id, message=MESSAGE, expires_at_ms=in_a_day_ms))
    record = encode_record(job_id(run_id, "1"), Job("1"))
    await queue.enqueue_chunk(run_id, cursor="", next_cursor="1", records=[record], last=True)
