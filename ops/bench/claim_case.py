"""One case of `newar bench claim`, the program of a process of its own: fills a queue, then measures rounds.

It stands on `schema` and `sender` alone, so that another checkout's may be measured with it (`PYTHONPATH`).
"""

from __future__ import annotations

import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import msgspec
import trio
from redis.asyncio import Redis

from schema.job import Job, encode_record, job_id
from schema.run import Run
from schema.runtime.asyncio_door import aio, open_asyncio
from schema.runtime.redis import open_redis
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import ClaimedGroup, Limits, SessionQueue, Settlement

_LEASE_MS = 3_600_000
_CHUNK = 5000
_SETTLED_TOGETHER = 500
_DAY_MS = 24 * 3600 * 1000
_PEOPLE_OF_A_RUN = 10**8
_EMPTY_WAIT_S = 0.01
_SCRIPTS = ("cmdstat_evalsha", "cmdstat_eval", "cmdstat_fcall")


@dataclass(frozen=True, kw_only=True)
class ClaimTask:
    """What this process is to measure."""

    redis_url: str
    pages: int
    two_runs: float
    """Share of the pages with two active runs; the others have one."""
    limit: int
    """Messages/s of each page."""
    jobs: int
    """Waiting in all runs together."""
    want: int
    calls: int


@dataclass(frozen=True, kw_only=True)
class ClaimRound:
    """What one round showed."""

    calls: int
    jobs: int
    script_us: int
    """Time that Redis spent in the claims' scripts, as it counts itself (INFO commandstats)."""
    times_s: list[float]
    """Each call as the caller sees it."""


@dataclass
class _Filled:
    """A run that never ends, so that what was claimed can be filled up with new people."""

    first_person: int
    cursor: str = ""
    next_person: int = field(default=0)


class _Queue:
    def __init__(self, redis: Redis, task: ClaimTask) -> None:
        self._redis = redis
        self._task = task
        self._runs = RunQueue(redis)
        limits = Limits(text=task.limit, media=task.limit, app=0, outbox=10_000_000)
        self._session = SessionQueue(redis, limits, lease_ms=_LEASE_MS)
        self._filled: dict[str, _Filled] = {}
        self._settlements = 0

    async def fill(self) -> None:
        """Make the pages and their runs, with the same number of jobs for each page."""
        pages = PageQueue(self._redis)
        task = self._task
        expires_at_ms = int(time.time() * 1000) + _DAY_MS
        for page in range(task.pages):
            page_id = str(1000 + page)
            await pages.set_page(PageFacts(page_id=page_id, sealed_token="none", limit_text=task.limit))  # noqa: S106
            jobs = task.jobs // task.pages
            runs = 2 if page < round(task.two_runs * task.pages) else 1
            for run_id in (f"bench-{page}-{number}" for number in range(runs)):
                run = Run(run_id=run_id, page_id=page_id, message={"text": "hello"}, expires_at_ms=expires_at_ms)
                await self._runs.create_run(run)
                self._filled[run_id] = _Filled(10**15 + len(self._filled) * _PEOPLE_OF_A_RUN)
                await self._add(run_id, jobs // runs)
        await self._session.open()

    async def _add(self, run_id: str, count: int) -> None:
        filled, now_ms = self._filled[run_id], int(time.time() * 1000)
        for start in range(0, count, _CHUNK):
            first = filled.first_person + filled.next_person
            people = [str(first + n) for n in range(min(_CHUNK, count - start))]
            records = [encode_record(job_id(run_id, p), Job(p, last_interaction_ms=now_ms)) for p in people]
            await self._runs.enqueue_chunk(
                run_id, cursor=filled.cursor, next_cursor=people[-1], records=records, last=False
            )
            filled.cursor, filled.next_person = people[-1], filled.next_person + len(people)

    async def round(self) -> ClaimRound:
        """Claim, without anything else in between; then settle it all, and fill the runs up again."""
        groups = (await self._session.claim(secrets.token_hex(8), self._task.want)).groups  # loads the script
        times_s: list[float] = []
        before_us, jobs = await self._script_us(), 0
        while len(times_s) < self._task.calls:
            began_s = time.perf_counter()
            claim = await self._session.claim(secrets.token_hex(8), self._task.want)
            times_s.append(time.perf_counter() - began_s)
            groups += claim.groups
            jobs += (claimed := sum(len(group.records) for group in claim.groups))
            if not claimed:
                await trio.sleep(_EMPTY_WAIT_S if claim.wait_ms is None else claim.wait_ms / 1000)
        script_us = await self._script_us() - before_us
        await self._settle(groups)
        return ClaimRound(calls=len(times_s), jobs=jobs, script_us=script_us, times_s=times_s)

    async def _script_us(self) -> int:
        stats = await aio(self._redis.info, "commandstats")
        return sum(int(stats[name]["usec"]) for name in _SCRIPTS if name in stats)

    async def _settle(self, groups: list[ClaimedGroup]) -> None:
        settlements = [
            Settlement(record[:16], group.run_id, group.page_id, "sent") for group in groups for record in group.records
        ]
        for start in range(0, len(settlements), _SETTLED_TOGETHER):
            self._settlements += 1
            await self._session.settle(self._settlements, settlements[start : start + _SETTLED_TOGETHER])
        for run_id, count in Counter(s.run_id for s in settlements).items():
            await self._add(run_id, count)


async def _serve(task: ClaimTask) -> None:
    async with open_asyncio():
        redis = open_redis(task.redis_url)
        queue = _Queue(redis, task)
        await queue.fill()
        print("ready", flush=True)
        while await trio.to_thread.run_sync(sys.stdin.readline):
            print(msgspec.json.encode(await queue.round()).decode(), flush=True)
        await aio(redis.aclose)


def main() -> None:
    """Fill, say `ready`, and measure a round for each line of standard input until it ends."""
    trio.run(_serve, msgspec.json.decode(sys.argv[1], type=ClaimTask))


if __name__ == "__main__":
    main()
