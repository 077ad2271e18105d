"""`newar bench send`: the whole path, from the queue to the rows of the log, on real servers."""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psycopg
import trio

from ops.bench.percentiles import Percentiles
from ops.bench.processes import cpu_us_each, megabytes, usage_by_role
from ops.bench.rounds import paired
from ops.bench.stage import (
    POLL_S,
    Stage,
    enqueue_held,
    let_go,
    open_service,
    open_stage,
    outcomes,
    wait_for_senders,
    wait_until_finished,
)
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.snapshot import ProcessSnapshot

_SNAPSHOT_S = 1.2
"""Each sender publishes its figures once a second."""


@dataclass(frozen=True, kw_only=True)
class SendCase:
    """One way to send."""

    senders: int = 1
    tasks: int = 100
    """Of each sender."""
    batch: int = 1
    latency_ms: float = 0.0
    failure_rate: float = 0.0
    """Share of messages that the stand-in refuses with a usual recipient error."""
    personal: float = 0.0
    """Share of the messages that have a variable in them: whole runs, of one page each."""
    rate: int = 0
    """Limit of messages/s of the whole app, to measure below saturation; 0: none."""


@dataclass(frozen=True, kw_only=True)
class SendOptions:
    """What to send, in how many ways and how often."""

    cases: tuple[SendCase, ...] = (SendCase(),)
    messages: int = 20_000
    pages: int = 20
    rounds: int = 3
    durable: bool = True
    """Redis and PostgreSQL write to disk before they acknowledge."""


@dataclass(frozen=True, kw_only=True)
class SendFigures:
    """What one round of one case showed."""

    sent_per_s: float
    """Until the last message was settled."""
    rows_per_s: float
    """The same messages, until the last row was in the log."""
    cpu_us: dict[str, float]
    """CPU time for each message by process, until the last row; the sender's until the last settlement."""
    rss_mb: dict[str, float]
    """Largest process of each role, at the end."""
    to_first_byte: Percentiles
    """From the claim to the first byte of the request."""
    to_settlement: Percentiles
    """From the answer to its settlement."""


async def bench_send(options: SendOptions) -> list[list[SendFigures]]:
    """Return the figures of each case, one for each round. Runs inside the asyncio loop's block."""
    with tempfile.TemporaryDirectory(prefix="newar-bench-") as folder:
        async with open_stage(Path(folder), durable=options.durable) as stage:
            return await paired(options.cases, options.rounds, lambda case: _round(stage, options, case))


async def _round(stage: Stage, options: SendOptions, case: SendCase) -> SendFigures:
    """Fill the queue, start the services, let the messages go and wait for the last row."""
    await stage.change_graph(latency_ms=case.latency_ms, failure_rate=case.failure_rate)
    run_ids = await enqueue_held(stage, messages=options.messages, pages=options.pages, personal=case.personal)
    async with AsyncExitStack() as services:
        await services.enter_async_context(open_service(stage, "ingest"))
        for _ in range(case.senders):
            await services.enter_async_context(
                open_service(
                    stage,
                    "sender",
                    worker_concurrency=case.tasks,
                    max_sockets=case.tasks,
                    graph_batch_size=case.batch,
                    rate_limit_per_page=100_000,
                    rate_limit_max_jobs_per_second=case.rate,
                )
            )
        await wait_for_senders(stage, case.senders)
        while not any(s.ingest and s.ingest.partitions for s in await _snapshots(stage)):
            await trio.sleep(POLL_S)
        with psycopg.connect(stage.log_database_url, autocommit=True) as log:
            return await _measure(stage, log, run_ids, options.messages)


async def _measure(stage: Stage, log: psycopg.Connection, run_ids: list[str], messages: int) -> SendFigures:
    rows_before = await _rows(log)
    before, started_at = usage_by_role(), trio.current_time()
    await let_go(stage, run_ids)
    await wait_until_finished(stage, run_ids)
    at_end, ended_at = usage_by_role(), trio.current_time()
    events = sum((await outcomes(stage, run_ids)).values())
    while await _rows(log) < rows_before + events:
        await trio.sleep(POLL_S)
    after, written_at = usage_by_role(), trio.current_time()
    await trio.sleep(_SNAPSHOT_S)
    senders = [s.sender for s in await _snapshots(stage) if s.sender is not None]
    return SendFigures(
        sent_per_s=round(messages / (ended_at - started_at), 1),
        rows_per_s=round(messages / (written_at - started_at), 1),
        cpu_us=cpu_us_each(before, {**after, "sender": at_end["sender"]}, messages),
        rss_mb=megabytes(after),
        to_first_byte=Percentiles.of_histograms([s.to_first_byte_counts for s in senders]),
        to_settlement=Percentiles.of_histograms([s.to_settlement_counts for s in senders]),
    )


async def _snapshots(stage: Stage) -> list[ProcessSnapshot]:
    texts = await aio(stage.redis.execute_command, "HVALS", key("processes"))
    return [msgspec.json.decode(text, type=ProcessSnapshot) for text in texts]


async def _rows(log: psycopg.Connection) -> int:
    return await trio.to_thread.run_sync(_events_in_log, log)


def _events_in_log(log: psycopg.Connection) -> int:
    """Count events that have become rows, without counting rows, which would be work for Postgres."""
    row = log.execute("SELECT coalesce(sum(next_offset), 0)::bigint FROM ingest_offsets").fetchone()
    return int(row[0]) if row else 0
