"""`newar bench fairness`: who is served when, page beside page, by senders' own queue calls without a Graph API."""

from __future__ import annotations

import secrets
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import trio
from redis.asyncio import Redis

from ops.bench.shares import FairnessFigures, Served, judge
from ops.local.servers import open_servers
from schema.job import Job, encode_record, job_id
from schema.run import ContentClass, Run
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import Claim, Limits, SessionQueue, Settlement

Kind = Literal["backlog", "split", "lanes"]
KINDS: tuple[Kind, ...] = ("backlog", "split", "lanes")
"""One page with a big backlog beside small ones; the same backlog split over many runs; a page that has two lanes, each
with as much as all of another page."""

_NO_LIMITS = Limits(text=100_000_000, media=100_000_000, app=0, outbox=10_000_000)
_LEASE_MS = 3_600_000
_CHUNK = 5000
_DAY_MS = 24 * 3600 * 1000
_FIRST = "1000"
"""The page that is judged: the one with the backlog, or with two lanes."""


@dataclass(frozen=True, kw_only=True)
class FairnessOptions:
    """How much of what, and who claims it."""

    cases: tuple[Kind, ...] = KINDS
    backlog: int = 1_000_000
    pages: int = 99
    """Small ones, beside the one with the backlog."""
    small: int = 1000
    """Jobs of a small page; twenty times as many in each lane of the case `lanes`."""
    runs: int = 1000
    """Over which the backlog is split."""
    senders: int = 4
    want: int = 100
    rounds: int = 1


@dataclass(frozen=True, kw_only=True)
class _Backlog:
    """Equal runs of one page and content class."""

    page_id: str
    jobs: int
    runs: int = 1
    content: ContentClass = "text"


@dataclass
class _Stage:
    """What all senders share: the jobs of each page still to come, and who was served so far."""

    left: dict[str, int]
    watched: set[str]
    """The small pages: the measurement ends with the last of them."""
    served: Served = field(default_factory=lambda: Served(_FIRST))

    @property
    def over(self) -> bool:
        """Whether nobody is watched any more."""
        return not any(self.left[page] for page in self.watched)


async def bench_fairness(options: FairnessOptions) -> list[list[FairnessFigures]]:
    """Return the figures of each case, one for each round. Runs inside the asyncio loop's block."""
    found: list[list[FairnessFigures]] = [[] for _ in options.cases]
    for number in range(options.rounds * len(options.cases)):
        case = number % len(options.cases)
        with tempfile.TemporaryDirectory(prefix="newar-bench-") as folder:
            async with open_servers(Path(folder), {"redis"}, durable=False) as local:
                redis = open_redis(str(local.redis_url))
                try:
                    found[case].append(await _measure(redis, options, _backlogs(options, options.cases[case])))
                finally:
                    with trio.CancelScope(shield=True):
                        await aio(redis.aclose)
    return found


def _backlogs(options: FairnessOptions, kind: Kind) -> list[_Backlog]:
    small = [_Backlog(page_id=str(1001 + n), jobs=options.small) for n in range(options.pages)]
    if kind == "lanes":
        each = 20 * options.small
        two = [_Backlog(page_id=_FIRST, jobs=each), _Backlog(page_id=_FIRST, jobs=each, content="media")]
        return [*two, _Backlog(page_id="1001", jobs=each)]
    runs = options.runs if kind == "split" else 1
    return [_Backlog(page_id=_FIRST, jobs=options.backlog // runs * runs, runs=runs), *small]


async def _measure(redis: Redis, options: FairnessOptions, backlogs: list[_Backlog]) -> FairnessFigures:
    jobs: dict[str, int] = {}
    for backlog in backlogs:
        await _fill(redis, backlog)
        jobs[backlog.page_id] = jobs.get(backlog.page_id, 0) + backlog.jobs
    stage = _Stage(dict(jobs), jobs.keys() - {_FIRST})
    began_s = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(options.senders):
            nursery.start_soon(_send, redis, stage, options.want, began_s)
    return judge(stage.served, jobs)


async def _fill(redis: Redis, backlog: _Backlog) -> None:
    queue, now_ms = RunQueue(redis), int(time.time() * 1000)
    await PageQueue(redis).set_page(PageFacts(page_id=backlog.page_id, sealed_token="none"))  # noqa: S106 - not one
    for number in range(backlog.runs):
        run_id = f"{backlog.page_id}-{backlog.content}-{number}"
        run = Run(
            run_id=run_id,
            page_id=backlog.page_id,
            message={"text": "hello"},
            content=backlog.content,
            expires_at_ms=now_ms + _DAY_MS,
        )
        await queue.create_run(run)
        await _fill_run(queue, run_id, range(10**15, 10**15 + backlog.jobs)[number :: backlog.runs], now_ms)


async def _fill_run(queue: RunQueue, run_id: str, numbers: range, now_ms: int) -> None:
    cursor = ""
    for start in range(0, len(numbers), _CHUNK):
        people = [str(n) for n in numbers[start : start + _CHUNK]]
        records = [encode_record(job_id(run_id, p), Job(p, last_interaction_ms=now_ms)) for p in people]
        last = start + _CHUNK >= len(numbers)
        await queue.enqueue_chunk(run_id, cursor=cursor, next_cursor=people[-1], records=records, last=last)
        cursor = people[-1]


async def _send(redis: Redis, stage: _Stage, want: int, began_s: float) -> None:
    """One sender: claims, marks and settles as sent, until the small pages have nothing left."""
    queue = SessionQueue(redis, _NO_LIMITS, lease_ms=_LEASE_MS)
    await queue.open()
    number = 0
    while not stage.over:
        claim = await queue.claim(secrets.token_hex(8), want)
        _note(stage, claim, trio.current_time() - began_s)
        settlements = [Settlement(r[:16], g.run_id, g.page_id, "sent") for g in claim.groups for r in g.records]
        if not settlements:  # others hold what is left
            await trio.sleep(0.01)
            continue
        number += 1
        await queue.mark([(s.job, 1) for s in settlements])
        await queue.settle(number, settlements)


def _note(stage: _Stage, claim: Claim, at_s: float) -> None:
    for group in claim.groups:
        stage.left[group.page_id] -= len(group.records)
        stage.served.add(group.page_id, len(group.records), at_s, ended=not stage.left[group.page_id])
