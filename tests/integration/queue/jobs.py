"""Runs with jobs, sessions that claim them, and how jobs end."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from schema.job import Job, decode_record, encode_record, job_id
from schema.keys import key
from schema.run import Run, RunState
from schema.runtime.asyncio_door import aio
from sender.queue.limit_clock import LimitClock, decode_clock, encode_clock
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import ClaimedGroup, Limits, SessionQueue, Settlement

FAR_MS = 4_000_000_000_000
FAST = Limits(text=1_000_000, media=1_000_000, app=0)
LEASE_MS = 10_000


def run_of(run_id: str, page_id: str = "1", **more: Any) -> Run:
    return Run(run_id=run_id, page_id=page_id, message={"text": "hi"}, **{"expires_at_ms": FAR_MS, **more})


async def enqueue(runs: RunQueue, run: Run, count: int, *, last: bool = True, first: int = 0) -> None:
    """Enqueue a run to so many people: the `first` and those that follow."""
    await runs.create_run(run)
    people = [f"{n:08d}" for n in range(first, first + count)]
    records = [encode_record(job_id(run.run_id, p), Job(p)) for p in people]
    assert await runs.enqueue_chunk(
        run.run_id, cursor="", next_cursor=people[-1] if people else "", records=records, last=last
    )


async def open_queue(redis: Redis, limits: Limits = FAST, lease_ms: int = LEASE_MS) -> SessionQueue:
    queue = SessionQueue(redis, limits, lease_ms=lease_ms)
    await queue.open()
    return queue


def final(group: ClaimedGroup, record: bytes, outcome: str = "sent") -> Settlement:
    return Settlement(decode_record(record)[0], group.run_id, group.page_id, outcome, event=b"{}")


async def state_of(runs: RunQueue, run_id: str) -> RunState:
    return (await runs.facts([run_id]))[run_id].state


async def clock_of(redis: Redis, name: str = "page:1", field: str = "clock:text") -> LimitClock:
    """Return the clock of a limit."""
    packed: Any = await aio(redis.hget, key(name), field)
    return decode_clock(packed)


async def set_clock(redis: Redis, clock: LimitClock, name: str = "page:1", field: str = "clock:text") -> None:
    """Store it again, changed."""
    await aio(redis.hset, key(name), field, encode_clock(clock))
