"""`newar bench send`: the whole path, from the queue to the rows of the log, on real servers."""

from __future__ import annotations

import statistics
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psycopg
import trio

from ops.bench.processes import Usage, cpu_per_message_us, usage_by_role
from ops.bench.stage import (
    Stage,
    enqueue_held,
    finished,
    let_go,
    open_service,
    open_stage,
    outcomes,
    wait_for_senders,
)
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.snapshot import Latencies, ProcessSnapshot, SenderSnapshot

_POLL_S = 0.02
_SNAPSHOT_S = 1.2
"""Each sender publishes its figures once a second."""


@dataclass(frozen=True, kw_only=True)
class SendOptions:
    """One way to send."""

    messages: int = 20_000
    pages: int = 20
    senders: int = 1
    tasks: int = 100
    """Of each sender."""
    batch: int = 1
    latency_ms: float = 0.0
    failure_rate: float = 0.0
    """Share of messages that the stand-in refuses with a usual recipient error."""
    rounds: int = 3
    durable: bool = True


@dataclass(frozen=True, kw_only=True)
class Added:
    """Time that we add to a message, in ms: median, 95th and 99th percentile."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None

    @classmethod
    def of(cls, snapshots: list[SenderSnapshot], part: str) -> Added:
        """Add up one histogram of all senders."""
        all_counts = Latencies()
        for snapshot in snapshots:
            all_counts.merge(getattr(snapshot, part) or [0] * len(all_counts.counts))
        p50, p95, p99 = (all_counts.percentile(share) for share in (0.5, 0.95, 0.99))
        return cls(p50_ms=p50, p95_ms=p95, p99_ms=p99)


@dataclass(frozen=True, kw_only=True)
class SendRound:
    """What one round showed."""

    sent_per_s: float
    """Until the last message was settled."""
    rows_per_s: float
    """The same messages, until the last row was in the log."""
    cpu_us: dict[str, float]
    """CPU time for each message by process, until the last row; of the sender until its last settlement."""
    rss_mb: dict[str, float]
    """Largest process of each role, at the end."""
    to_first_byte: Added
    """From the claim to the first byte of the request."""
    to_settlement: Added
    """From the whole answer to its settlement."""


@dataclass(frozen=True, kw_only=True)
class SendResult:
    """All rounds, and the medians."""

    options: SendOptions
    rounds: list[SendRound]

    @property
    def median(self) -> SendRound:
        """The round whose messages/s end to end are the median."""
        return sorted(self.rounds, key=lambda r: r.rows_per_s)[(len(self.rounds) - 1) // 2]

    @property
    def sent_per_s(self) -> float:
        """Median over the rounds."""
        return statistics.median(r.sent_per_s for r in self.rounds)


async def bench_send(options: SendOptions) -> SendResult:
    """Measure one way to send; every round's messages are new. Runs inside the asyncio loop's block."""
    graph_options = ("--latency-ms", str(options.latency_ms), "--failure-rate", str(options.failure_rate))
    with tempfile.TemporaryDirectory(prefix="newar-bench-") as folder:
        async with open_stage(Path(folder), durable=options.durable, graph_options=graph_options) as stage:
            return SendResult(options=options, rounds=[await send_round(stage, options) for _ in range(options.rounds)])


async def send_round(stage: Stage, options: SendOptions) -> SendRound:
    """Fill the queue, start the services, let the messages go and wait for the last row."""
    run_ids = await enqueue_held(stage, messages=options.messages, pages=options.pages)
    async with AsyncExitStack() as services:
        await services.enter_async_context(open_service(stage, "ingest"))
        for _ in range(options.senders):
            await services.enter_async_context(
                open_service(
                    stage,
                    "sender",
                    worker_concurrency=options.tasks,
                    max_sockets=options.tasks,
                    graph_batch_size=options.batch,
                    rate_limit_per_page=100_000,
                )
            )
        await wait_for_senders(stage, options.senders)
        await _settle_down(stage)
        return await _measure(stage, options, run_ids)


async def _settle_down(stage: Stage) -> None:
    """Wait until the ingest has its partitions: its start is not what is measured."""
    while not any(s.ingest and s.ingest.partitions for s in await _snapshots(stage)):
        await trio.sleep(_POLL_S)


async def _measure(stage: Stage, options: SendOptions, run_ids: list[str]) -> SendRound:
    rows_before = await _rows(stage)
    before, started_at = usage_by_role(), trio.current_time()
    await let_go(stage, run_ids)
    while not await finished(stage, run_ids):
        await trio.sleep(_POLL_S)
    sent, sent_at = usage_by_role(), trio.current_time()
    events = sum((await outcomes(stage, run_ids)).values())
    while await _rows(stage) < rows_before + events:
        await trio.sleep(_POLL_S)
    after, written_at = usage_by_role(), trio.current_time()
    await trio.sleep(_SNAPSHOT_S)
    senders = [s.sender for s in await _snapshots(stage) if s.sender is not None]
    return SendRound(
        sent_per_s=round(options.messages / (sent_at - started_at), 1),
        rows_per_s=round(options.messages / (written_at - started_at), 1),
        cpu_us=cpu_per_message_us(before, {**after, "sender": sent["sender"]}, options.messages),
        rss_mb=_megabytes(after),
        to_first_byte=Added.of(senders, "to_first_byte_counts"),
        to_settlement=Added.of(senders, "to_settlement_counts"),
    )


async def _snapshots(stage: Stage) -> list[ProcessSnapshot]:
    texts = await aio(stage.redis.hvals, key("processes"))
    return [msgspec.json.decode(text, type=ProcessSnapshot) for text in texts]


async def _rows(stage: Stage) -> int:
    return await trio.to_thread.run_sync(_events_in_log, stage.log_database_url)


def _events_in_log(url: str) -> int:
    """Count events that have become rows, without counting rows, which would be work for Postgres."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT coalesce(sum(next_offset), 0)::bigint FROM ingest_offsets").fetchone()
    return row[0] if row else 0


def _megabytes(usage: dict[str, Usage]) -> dict[str, float]:
    return {role: round(u.rss_bytes / 1e6, 1) for role, u in sorted(usage.items())}
