"""Reading the queue's state from Redis: a few round trips, bounded work, never a write, never KEYS, SCAN or SORT."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.board.merge import live
from ops.board.page_limits import KnownDefaults, defaults_of
from ops.shell.detail import telling
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.snapshot import ProcessSnapshot
from sender.queue.limit_queue import Defaults, Explained, LimitQueue
from sender.queue.permissions import Permissions
from sender.queue.run_hours import is_closed, opens_at_ms
from sender.queue.run_queue import HOLDERS
from sender.queue.survey import Survey, Unfinished, fields_of, survey

T = TypeVar("T")

BUSIEST = 100
NEWEST_RUNS = 100
NEWEST_FAILURES = 200
MOST_RUNS = 10_000
MOST_PAGES = 10_000
MOST_BREAKERS = 1000
ANSWER_WITHIN_S = 3.0

RUN_FIELDS = (
    *("page", "state", "priority", "recipients", "left", "kept", "taken_at_ms", "expires_at_ms", "finished_at_ms"),
    *("sent", "failed", "suppressed", "expired", "unknown", "cancelled", "retrying"),
    *("ended_as", *(f"hold:{holder}" for holder in HOLDERS)),
    *("brake_rule", "brake_reason", "brake_at_ms", "windows"),
)
_PAUSE = ("paused_until_ms", "pause_reason", "pause_rule", "paused_by", "slowed")
_BREAKER = ("breaker", "reason", "failures", "opened_at_ms", "retry_at_ms", "breaker_rule")
PAGE_FIELDS = (*_PAUSE, *_BREAKER, "name", "limit_text", "limit_media")
APP_FIELDS = (*_PAUSE, "outbox")

Fields = dict[str, str]
"""Those fields of a hash that are there, as text."""
Command = tuple[str | int, ...]


class QueueUnreachable(Exception):
    """Redis does not answer, or not as it should. The text holds no secret."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What Redis said, hardly interpreted. `_s` are seconds since 1970 by Redis' clock."""

    at_s: float
    unfinished: list[Unfinished]
    """Most left first. Of a look at some runs: these, finished ones too."""
    newest_runs: list[str]
    runs: dict[str, Fields]
    """The busiest unfinished and the newest; or those that were looked at."""
    pages: dict[str, Fields]
    """Those of these runs, those with the most left, and those in `breakers` and `held_back`."""
    breakers: dict[str, str]
    """The state of every breaker that is not closed, by page."""
    app: Fields
    snapshots: list[bytes]
    failures: list[bytes]
    """Log events, newest first."""
    delayed: int
    leased: int
    marked: int
    outbox: int
    claimable_since_s: float | None
    """Since when the longest waiting job could have been claimed; None when there is none."""
    held_back: frozenset[str] = frozenset()
    """Pages of these runs that are paused or slowed down."""
    limits: Explained | None = None
    """What those pages and the app go by now; None: nothing slows anything down."""

    @cached_property
    def jobs(self) -> dict[str, Unfinished]:
        """Where the jobs of a run are."""
        return {run.run_id: run for run in self.unfinished}

    @cached_property
    def processes(self) -> list[ProcessSnapshot]:
        """The processes that are running."""
        return live(self.snapshots, self.at_s)

    @cached_property
    def defaults(self) -> KnownDefaults:
        """The limits of pages whose source says none."""
        return defaults_of(self.processes)


class QueueReader:
    """Reads by the names in schema/keys.py."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._limits = LimitQueue(redis)
        self._permissions = Permissions(redis)

    async def read(self) -> Reading:
        """Read everything that the endpoints show, of one moment as nearly as a few round trips allow.

        Raises:
            QueueUnreachable: when Redis does not answer in time, or refuses.
        """
        return await _in_time(self._read())

    async def look(self, run_ids: Sequence[str], page_ids: Collection[str] = ()) -> Reading:
        """Read what concerns these runs, of any state, and these pages; what the queue does not know is missing.

        Raises:
            QueueUnreachable: when Redis does not answer in time, or refuses.
        """
        return await _in_time(self._look(run_ids, page_ids))

    async def ask(self, commands: list[Command]) -> list[Any]:
        """Return the answers to these, of one round trip.

        Raises:
            QueueUnreachable: when Redis does not answer in time, or refuses.
        """
        [answers] = await _in_time(self._ask(commands))
        return answers

    async def limits(self, page_id: str, defaults: Defaults) -> Explained:
        """Return what a claim would go by for this page.

        Raises:
            QueueUnreachable: when Redis does not answer in time, or refuses.
        """
        return await _in_time(self._limits.explain([page_id], defaults))

    async def check_permissions(self) -> None:
        """See whether our login, which as a rule is that of all services, may do what they need.

        Raises:
            QueueUnreachable: when it may not, or Redis does not answer in time, or takes no writes.
        """
        await _in_time(self._permissions.demand())

    async def _read(self) -> Reading:
        seen = await survey(
            self._redis, most_runs=MOST_RUNS, most_pages=MOST_PAGES, newest=NEWEST_RUNS, most_lanes=BUSIEST
        )
        run_ids = list(dict.fromkeys([u.run_id for u in seen.unfinished[:BUSIEST]] + seen.newest_runs))
        return await self._details(seen, run_ids, NEWEST_FAILURES)

    async def _look(self, run_ids: Sequence[str], page_ids: Collection[str]) -> Reading:
        seen = await survey(self._redis, most_runs=0, most_pages=0, newest=0, most_lanes=1, run_ids=run_ids)
        return await self._details(seen, [u.run_id for u in seen.unfinished], 1, page_ids)

    async def _details(
        self, seen: Survey, run_ids: list[str], failures_wanted: int, pages_wanted: Collection[str] = ()
    ) -> Reading:
        """Read what stands behind the names that were seen."""
        shown = {u.run_id: u.page_id for u in seen.unfinished}
        page_ids = list(
            dict.fromkeys(
                [shown[run_id] for run_id in run_ids if run_id in shown]
                + busiest_pages(seen.unfinished)
                + list(seen.breakers)[:MOST_BREAKERS]
                + seen.held_back[:MOST_BREAKERS]
                + sorted(pages_wanted)
            )
        )
        runs, pages = await fields_of(self._redis, ("run:", run_ids, RUN_FIELDS), ("page:", page_ids, PAGE_FIELDS))
        [(app, snapshots, failures, delayed, due, waiting), held, marks, outboxes] = await self._ask(
            _always(failures_wanted),
            [("HLEN", key(f"held:{session}")) for session in seen.sessions],
            [("HLEN", key(f"marks:{session}")) for session in seen.sessions],
            [("XLEN", key(f"outbox:{session}")) for session in seen.outboxes],
        )
        reading = Reading(
            at_s=seen.at_s,
            unfinished=seen.unfinished,
            newest_runs=seen.newest_runs,
            runs={run_id: _run(values, seen.at_s) for run_id, values in zip(run_ids, runs, strict=True)},
            pages={page_id: _fields(PAGE_FIELDS, values) for page_id, values in zip(page_ids, pages, strict=True)},
            breakers=seen.breakers,
            app=_fields(APP_FIELDS, app),
            snapshots=snapshots,
            failures=[fields[b"v"] for _id, fields in failures if b"v" in fields],
            delayed=delayed,
            leased=sum(held),
            marked=sum(marks),
            outbox=sum(outboxes),
            claimable_since_s=_claimable_since_s(seen, due, waiting),
            held_back=frozenset(seen.held_back),
        )
        return replace(reading, limits=await self._explained(reading))

    async def _explained(self, reading: Reading) -> Explained | None:
        """Return how fast what is slowed down goes; where a pace has a page, that is looked at each time."""
        slowed = [page_id for page_id, fields in reading.pages.items() if "slowed" in fields]
        if not slowed and "slowed" not in reading.app:
            return None
        return await self._limits.explain(slowed, reading.defaults.limits)

    async def _ask(self, *groups: list[Command]) -> list[list[Any]]:
        """Send groups of commands in one round trip; return their answers in the same groups."""
        pipeline = self._redis.pipeline(transaction=False)
        for command in (command for group in groups for command in group):
            pipeline.execute_command(*command)
        answers = iter(await aio(pipeline.execute))
        return [[next(answers) for _ in group] for group in groups]


def _always(failures: int) -> list[Command]:
    return [
        ("HMGET", key("app"), *APP_FIELDS),
        ("HVALS", key("processes")),
        ("XREVRANGE", key("failures"), "+", "-", "COUNT", failures),
        ("ZCARD", key("delayed")),
        ("ZRANGE", key("delayed"), 0, 0, "WITHSCORES"),
        ("ZRANGE", key("waiting"), 0, 0, "WITHSCORES"),
    ]


async def _in_time(question: Awaitable[T]) -> T:
    """Wait for Redis, but not for ever, and translate every way in which it can fail."""
    try:
        with trio.fail_after(ANSWER_WITHIN_S):
            return await question
    except trio.TooSlowError:
        raise QueueUnreachable(f"Redis does not answer within {ANSWER_WITHIN_S:.0f} s") from None
    except (RedisError, OSError) as exc:
        raise QueueUnreachable(f"Redis cannot be used: {telling(exc)}") from exc


def busiest_pages(unfinished: Iterable[Unfinished]) -> list[str]:
    """Return the pages with the most left, at most the busiest 100."""
    left: dict[str, int] = {}
    for run in unfinished:
        left[run.page_id] = left.get(run.page_id, 0) + run.left
    return sorted(left, key=lambda page: -left[page])[:BUSIEST]


def _claimable_since_s(seen: Survey, due: list[Any], waiting: list[Any]) -> float | None:
    """Return the earliest moment at which a lane that may send now became able to, or a retry became due."""
    since = [max(lane.used_until_s, lane.taken_at_s) or seen.at_s for lane in seen.ready]
    since += [float(score) / 1000 for score in due[1:2]]
    since += [float(score) / 1e6 for score in waiting[1:2]]
    return min((s for s in since if s <= seen.at_s), default=None)


def _fields(names: Iterable[str], values: list[bytes | None]) -> Fields:
    return {n: v.decode("utf-8", "replace") for n, v in zip(names, values, strict=True) if v is not None}


def _run(values: list[bytes | None], now_s: float) -> Fields:
    """Return a run's fields; one that is outside its hours is shown as held by its window, until `opens_ms`."""
    *others, windows = values
    fields = _fields(RUN_FIELDS[:-1], others)
    if not is_closed(windows, now_s * 1000):
        return fields
    opens_ms = opens_at_ms(windows, now_s * 1000)
    return fields | {"hold:window": "1"} | ({"opens_ms": str(opens_ms)} if opens_ms else {})
