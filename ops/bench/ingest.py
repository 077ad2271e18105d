"""`newar bench ingest`: how fast a backlog of the topic becomes rows, beside a COPY that does nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import trio
from aiokafka import AIOKafkaProducer

from ingest.days.making import ensure_days
from ingest.writing.binary_row import BEGIN, COLUMNS, END
from ingest.writing.rows import Row, read_message
from ops.bench.delay import open_delay
from ops.bench.log_events import make_events
from ops.bench.processes import cpu_us_each, megabytes, usage_by_role
from ops.bench.rounds import paired
from ops.bench.stage import POLL_S, Stage, open_service, open_stage
from schema.event import LogEvent, encode_event
from schema.migrate import migrate
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from schema.runtime.settings import KafkaSettings

Way = Literal["copy", "ingest"]
_COPY = f"COPY message_logs ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)".encode()
_ROWS_A_COPY = 20_000
_PRODUCED_TOGETHER = 1000


@dataclass(frozen=True, kw_only=True)
class IngestCase:
    """How the rows get into the log, over how long a way, and of how many pages they are."""

    way: Way
    delay_ms: float
    pages: int


@dataclass(frozen=True, kw_only=True)
class IngestOptions:
    """What to write."""

    events: int = 400_000
    pages: tuple[int, ...] = (100,)
    delay_ms: tuple[float, ...] = (0.1, 10.0)
    failures: float = 0.03
    rounds: int = 3
    durable: bool = True

    @property
    def cases(self) -> list[IngestCase]:
        """Everything to be measured: a COPY of ready rows, and the ingest after it."""
        combinations = product(self.pages, self.delay_ms)
        return [IngestCase(way=w, delay_ms=ms, pages=p) for p, ms in combinations for w in ("copy", "ingest")]

    @property
    def compared_with(self) -> list[int]:
        """For each case the number of its COPY."""
        return [number - number % 2 for number in range(len(self.cases))]


@dataclass(frozen=True, kw_only=True)
class IngestFigures:
    """What one measurement showed."""

    rows_per_s: float
    cpu_us: dict[str, float]
    """CPU time for each row, by role."""
    rss_mb: dict[str, float]


@dataclass(frozen=True)
class _Backlog:
    """A topic full of events, and the same as rows ready for COPY."""

    topic: str
    days: Sequence[datetime]
    copied: Sequence[bytes]
    rows: int


async def bench_ingest(options: IngestOptions) -> list[list[IngestFigures]]:
    """Return the figures of each case, one for each round. Runs inside the asyncio loop's block."""
    with tempfile.TemporaryDirectory(prefix="newar-bench-") as folder:
        async with open_stage(Path(folder), durable=options.durable) as stage:
            backlogs = {pages: await _fill(stage, options, pages) for pages in options.pages}
            return await paired(options.cases, options.rounds, partial(_measure, stage, backlogs))


async def _fill(stage: Stage, options: IngestOptions, pages: int) -> _Backlog:
    since = datetime.now(UTC) - timedelta(microseconds=100 * options.events)
    events = make_events(options.events, pages=pages, failures=options.failures, since=since)
    topic = f"bench-{uuid4().hex}"
    await aio(prepare_topic, KafkaSettings(kafka_bootstrap_servers=stage.kafka_bootstrap, kafka_topic=topic))
    await aio(_produce, stage.kafka_bootstrap, topic, events)
    rows = [_row(encode_event(event)) for event in events]
    parts = [rows[first : first + _ROWS_A_COPY] for first in range(0, len(rows), _ROWS_A_COPY)]
    copied = [b"".join([BEGIN, *(row.copied for row in part), END]) for part in parts]
    return _Backlog(topic, (since, datetime.now(UTC)), copied, len(rows))


def _row(value: bytes) -> Row:
    read = read_message(0, 0, value)
    assert isinstance(read, Row)  # noqa: S101 - our own event
    return read


async def _produce(bootstrap: str, topic: str, events: Sequence[LogEvent]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5) as producer:
        for first in range(0, len(events), _PRODUCED_TOGETHER):
            sent = [
                await producer.send(topic, encode_event(event), key=event.page_id.encode())
                for event in events[first : first + _PRODUCED_TOGETHER]
            ]
            for future in sent:
                await future


async def _measure(stage: Stage, backlogs: dict[int, _Backlog], case: IngestCase) -> IngestFigures:
    backlog = backlogs[case.pages]
    async with new_log(stage, backlog.days) as url, far_away(url, case.delay_ms) as far:
        if case.way == "copy":
            return await _copy(backlog, far)
        return await _ingest(stage, backlog, url, far)


async def _copy(backlog: _Backlog, far: str) -> IngestFigures:
    async with connected(far) as connection:

        async def copy() -> None:
            for data in backlog.copied:
                async with connection.cursor() as cursor, cursor.copy(_COPY) as into:
                    await into.write(data)

        before, began = usage_by_role(), trio.current_time()
        await aio(copy)
        return _figures(before, began, backlog.rows)


async def _ingest(stage: Stage, backlog: _Backlog, url: str, far: str) -> IngestFigures:
    """From the moment when it has its partitions: what it takes to join the group is no matter of rows."""
    settings = {"log_database_url": far, "kafka_topic": backlog.topic, "log_partitions_ahead": 1}
    async with connected(url) as connection, open_service(stage, "ingest", **settings):
        while await aio(_committed, connection) is None:
            await trio.sleep(POLL_S)
        before, began = usage_by_role(), trio.current_time()
        while await aio(_committed, connection) != backlog.rows:
            await trio.sleep(POLL_S)
        return _figures(before, began, backlog.rows)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """Keep a connection open inside the block."""
    connection = await aio(partial(psycopg.AsyncConnection.connect, url, autocommit=True))
    try:
        yield connection
    finally:
        with trio.CancelScope(shield=True):
            await aio(connection.close)


def _figures(before: dict[str, Any], began: float, rows: int) -> IngestFigures:
    seconds, after = trio.current_time() - began, usage_by_role()
    return IngestFigures(
        rows_per_s=round(rows / seconds, 1), cpu_us=cpu_us_each(before, after, rows), rss_mb=megabytes(after)
    )


async def _committed(connection: psycopg.AsyncConnection[Any]) -> int | None:
    """Return how many events are rows; None before the ingest has begun."""
    answer = await connection.execute("SELECT sum(next_offset)::bigint FROM ingest_offsets")
    count: int | None
    [(count,)] = await answer.fetchall()
    return count


@asynccontextmanager
async def new_log(stage: Stage, moments: Sequence[datetime]) -> AsyncIterator[str]:
    """Make a log database that has the days of these moments, on the stage's server."""
    name = f"bench_{uuid4().hex[:12]}"

    async def make(url: str) -> None:
        async with await psycopg.AsyncConnection.connect(stage.log_database_url, autocommit=True) as admin:
            await admin.execute(f"CREATE DATABASE {name}".encode())
        await migrate(url)
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await ensure_days(connection, {moment.date() for moment in moments})

    async def drop() -> None:
        async with await psycopg.AsyncConnection.connect(stage.log_database_url, autocommit=True) as admin:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            await admin.execute("CHECKPOINT")

    url = urlsplit(stage.log_database_url)._replace(path=f"/{name}").geturl()
    await aio(make, url)
    try:
        yield url
    finally:
        with trio.CancelScope(shield=True):
            await aio(drop)


@asynccontextmanager
async def far_away(url: str, delay_ms: float) -> AsyncIterator[str]:
    """The same address, over a longer way."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    async with open_delay(str(parts.hostname), parts.port or 5432, delay_ms) as port:
        yield parts._replace(netloc=f"{login}@127.0.0.1:{port}").geturl()
