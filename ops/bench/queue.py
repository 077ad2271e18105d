"""`newar bench queue`: claim, mark and settle jobs that nobody sends, in groups, through the sender's own queue."""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

import trio
from redis.asyncio import Redis

from ops.bench.percentiles import Percentiles
from ops.bench.processes import cpu_us_each, usage_by_role
from ops.bench.rounds import paired
from ops.bench.stage import fill_queue
from ops.local.servers import open_servers
from schema.event import SCHEMA_VERSION, LogEvent, at_us, encode_event
from schema.job import decode_record, event_id
from schema.keys import key
from schema.outcomes import Outcome
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.session_queue import ClaimedGroup, Limits, SessionQueue, Settlement

_NO_LIMITS = Limits(text=100_000_000, media=100_000_000, app=0, outbox=10_000_000)
_LEASE_MS = 600_000


@dataclass(frozen=True, kw_only=True)
class QueueOptions:
    """How many jobs, and in what groups."""

    groups: tuple[int, ...] = (1, 10, 50, 100, 500)
    jobs: int = 10_000
    """Of each group size and round; a tenth of it for groups of one."""
    pages: int = 20
    rounds: int = 3
    durable: bool = True


@dataclass(frozen=True, kw_only=True)
class QueueFigures:
    """What one round with one group size showed."""

    jobs_per_s: float
    cpu_us: dict[str, float]
    """CPU time for each job: of the client (`bench`) and of Redis."""
    claim: Percentiles
    mark: Percentiles
    settle: Percentiles


class _Stopwatch:
    def __init__(self) -> None:
        self.claim: list[float] = []
        self.mark: list[float] = []
        self.settle: list[float] = []


async def bench_queue(options: QueueOptions) -> list[list[QueueFigures]]:
    """Return the figures of each group size, one for each round. Runs inside the asyncio loop's block."""
    with tempfile.TemporaryDirectory(prefix="newar-bench-") as folder:
        async with open_servers(Path(folder), {"redis"}, durable=options.durable) as local:
            redis = open_redis(str(local.redis_url))
            try:
                return await paired(options.groups, options.rounds, lambda group: _round(redis, options, group))
            finally:
                with trio.CancelScope(shield=True):
                    await aio(redis.aclose)


async def _round(redis: Redis, options: QueueOptions, group: int) -> QueueFigures:
    jobs = options.jobs if group > 1 else max(1, options.jobs // 10)
    await fill_queue(redis, messages=jobs, pages=options.pages, sealed="none")
    queue = SessionQueue(redis, _NO_LIMITS, lease_ms=_LEASE_MS)
    await queue.open()
    times = _Stopwatch()
    before, started_at = usage_by_role(), trio.current_time()
    done = number = 0
    while done < jobs:
        number += 1
        done += await _one_group(queue, number, group, times)
    seconds, after = trio.current_time() - started_at, usage_by_role()
    await aio(redis.execute_command, "DEL", key(f"outbox:{queue.session}"))
    await queue.close()
    return QueueFigures(
        jobs_per_s=round(jobs / seconds, 1),
        cpu_us=cpu_us_each(before, after, jobs),
        claim=Percentiles.of(times.claim),
        mark=Percentiles.of(times.mark),
        settle=Percentiles.of(times.settle),
    )


async def _one_group(queue: SessionQueue, number: int, want: int, times: _Stopwatch) -> int:
    began = trio.current_time()
    claim = await queue.claim(secrets.token_hex(8), want)
    claimed = trio.current_time()
    jobs = [decode_record(record)[0] for group in claim.groups for record in group.records]
    await queue.mark([(job, 1) for job in jobs])
    marked = trio.current_time()
    settlements = [_settlement(group, record, claim.now_us) for group in claim.groups for record in group.records]
    settling = trio.current_time()
    await queue.settle(number, settlements)
    times.claim.append(claimed - began)
    times.mark.append(marked - claimed)
    times.settle.append(trio.current_time() - settling)
    return len(jobs)


def _settlement(group: ClaimedGroup, record: bytes, now_us: int) -> Settlement:
    """Settle as sent, with an event of the usual size."""
    job, content = decode_record(record)
    event = LogEvent(
        event_id=event_id(job, 1),
        run_id=group.run_id,
        page_id=group.page_id,
        recipient_id=content.recipient_id,
        attempt=1,
        outcome=Outcome.SENT,
        sent_at=at_us(now_us),
        sender_id="bench",
        schema_version=SCHEMA_VERSION,
        http_status=200,
        message_id=f"m_{'x' * 84}",
        latency_ms=100.0,
    )
    return Settlement(job, group.run_id, group.page_id, Outcome.SENT.value, encode_event(event))
