"""Where single jobs are, as far as that can be looked up without reading whole queues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis

from schema.job import CorruptRecord, Job, decode_record, job_id
from schema.runtime.asyncio_door import aio
from sender.queue.script_loader import Scripts

AT_ONCE = 2000
MOST_DELAYED = 100_000
"""With more retries than that nobody looks through them."""


class Held(msgspec.Struct, frozen=True):
    """A sender has the job."""

    session: str
    lease_until_us: int
    """Redis's clock. When it is over, another sender takes over."""
    attempt: int | None
    """The attempt that may have left; None: none has."""
    marked_at_us: int | None


class FoundJob(msgspec.Struct, frozen=True, kw_only=True):
    """What the queue says of a job."""

    run_state: str | None
    """None: the queue does not know the run."""
    enqueued: bool
    """Whether all recipients of the run have been put into the queue."""
    cursor: str
    """The last recipient who has."""
    job: Job | None = None
    """Its record, where it was found."""
    held: Held | None = None
    aside: int = 0
    """So many jobs of the run will not be sent, and wait to be noted so; which ones is not looked through."""
    due_ms: int | None = None
    """When its retry is due, if it waits for one."""
    searched: bool = True
    """Whether it would have been found if it waited for a retry."""


class JobSearch:
    """Methods are Trio coroutines that may be repeated. Errors: redis.RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._scripts = Scripts(redis)

    async def find(self, recipient_id: str, run_ids: Sequence[str]) -> dict[str, FoundJob]:
        """Return what the queue says of this person's jobs, by run."""
        if not run_ids:
            return {}
        jobs = {run_id: job_id(run_id, recipient_id) for run_id in run_ids}
        pairs = [part for run_id, job in jobs.items() for part in (run_id, job)]
        _now_us, *answers = await aio(self._scripts.call, "work/find", *pairs)
        found = {run_id: _found(answer) for run_id, answer in zip(jobs, answers, strict=True)}
        sought = {
            run_id: run_id.encode() + b"\0" + jobs[run_id]
            for run_id, one in found.items()
            if one.run_state not in (None, "finished") and one.held is None
        }
        return found | await self._delayed(found, sought)

    async def _delayed(self, found: dict[str, FoundJob], sought: dict[str, bytes]) -> dict[str, FoundJob]:
        """Look through the retries, from the last due on: what becomes due meanwhile shifts nothing."""
        told = {run_id: found[run_id] for run_id in sought}
        first, count = 0, 1
        while sought and first < count:
            count, *jobs = await aio(self._scripts.call, "work/find_delayed", first, AT_ONCE, *sought.values())
            if count > MOST_DELAYED:
                return {run_id: msgspec.structs.replace(one, searched=False) for run_id, one in told.items()}
            for tagged, due_ms in jobs:
                run, _, record = tagged.partition(b"\0")
                run_id = run.decode("utf-8", "replace")
                told[run_id] = msgspec.structs.replace(found[run_id], job=_job(record), due_ms=int(float(due_ms)))
            first += AT_ONCE
        return told


def _found(answer: Sequence[Any]) -> FoundJob:
    state, enqueued, cursor, aside, session, lease_us, tagged, mark = answer
    attempt, _, marked_at_us = mark.partition(b"\0")
    held = None
    if session:
        held = Held(
            session=session.decode("utf-8", "replace"),
            lease_until_us=int(float(lease_us)),
            attempt=int(attempt) if mark else None,
            marked_at_us=int(float(marked_at_us)) if mark else None,
        )
    return FoundJob(
        run_state=state.decode() or None,
        enqueued=enqueued == b"1",
        cursor=cursor.decode("utf-8", "replace"),
        job=_job(tagged.partition(b"\0")[2]) if session else None,
        held=held,
        aside=int(aside),
    )


def _job(record: bytes) -> Job | None:
    try:
        return decode_record(record)[1]
    except CorruptRecord:
        return None
