"""Reading the queue's state from Redis: two round trips, bounded work, never a write, never KEYS or SCAN."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.shell.detail import telling
from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.limit_clock import decode_clock
from sender.queue.limit_queue import Defaults, Explained, LimitQueue
from sender.queue.run_hours import is_closed
from sender.queue.run_queue import HOLDERS

T = TypeVar("T")

BUSIEST = 100
NEWEST_RUNS = 100
NEWEST_FAILURES = 200
MOST_RUNS = 10_000
MOST_PAGES = 10_000
MOST_BREAKERS = 1000
ANSWER_WITHIN_S = 3.0

RUN_FIELDS = (
    *("page", "state", "priority", "recipients", "left", "taken_at_ms", "expires_at_ms", "finished_at_ms"),
    *("sent", "failed", "suppressed", "expired", "unknown", "cancelled", "retrying"),
    *("ended_as", *(f"hold:{holder}" for holder in HOLDERS)),
    *("brake_rule", "brake_reason", "brake_at_ms", "windows"),
)
PAGE_FIELDS = ("breaker", "reason", "failures", "opened_at_ms", "retry_at_ms", "paused_until_ms", "pause_reason")
APP_FIELDS = ("paused_until_ms", "pause_reason")

Fields = dict[str, str]
"""Those fields of a hash that are there, as text."""
Command = tuple[str | int, ...]


class QueueUnreachable(Exception):
    """Redis does not answer, or not as it should. The text holds no secret."""


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A run that still has recipients without an outcome."""

    run_id: str
    page_id: str
    left: int
    braked: bool = False


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What Redis said, hardly interpreted. `_s` are seconds since 1970 by Redis' clock."""

    at_s: float
    unfinished: list[Unfinished]
    """Most left first."""
    newest_runs: list[str]
    runs: dict[str, Fields]
    """The busiest unfinished and the newest."""
    pages: dict[str, Fields]
    """Those with the most left, and those in `breakers`."""
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


class QueueReader:
    """Reads by the names in schema/keys.py."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._limits = LimitQueue(redis)

    async def read(self) -> Reading:
        """Read everything that the endpoints show, of one moment as nearly as two round trips allow.

        Raises:
            QueueUnreachable: when Redis does not answer in time, or refuses.
        """
        return await _in_time(self._read())

    async def run(self, run_id: str) -> Fields | None:
        """Return the fields of one run; None when the queue does not know it.

        Raises:
            QueueUnreachable: when Redis does not answer in time, or refuses.
        """
        ((values,),) = await _in_time(self._ask([_hmget(f"run:{run_id}", RUN_FIELDS)]))
        return _run(values, time.time()) or None

    async def limits(self, page_id: str, defaults: Defaults) -> Explained:
        """Return what a claim would go by for this page.

        Raises:
            QueueUnreachable: when Redis does not answer in time, or refuses.
        """
        return await _in_time(self._limits.explain([page_id], defaults))

    async def _read(self) -> Reading:
        (answers,) = await self._ask(_first_commands())
        return await self._details(_First(*answers))

    async def _details(self, first: _First) -> Reading:
        """Read what the first answers name."""
        unfinished = _unfinished(first.expiring, first.draining)
        newest = [run.decode() for run in first.newest_runs]
        breakers = {page: state for page, state in _rows(first.breakers, 2) if state in ("open", "half_open")}
        run_ids = list(dict.fromkeys([u.run_id for u in unfinished[:BUSIEST]] + newest))
        page_ids = list(dict.fromkeys(busiest_pages(unfinished) + list(breakers)[:MOST_BREAKERS]))
        sessions, lanes = _texts(first.sessions), _texts(first.ready)
        runs, pages, held, marks, outboxes, theirs, ours, taken = await self._ask(
            [_hmget(f"run:{run_id}", RUN_FIELDS) for run_id in run_ids],
            [_hmget(f"page:{page_id}", PAGE_FIELDS) for page_id in page_ids],
            [("HLEN", key(f"held:{session}")) for session in sessions],
            [("HLEN", key(f"marks:{session}")) for session in sessions],
            [("XLEN", key(f"outbox:{session}")) for session in _texts(first.outboxes)],
            [("HGET", key(f"lane:{lane}:pace"), "tat_us") for lane in lanes],  # see lib/gcra.lua
            [_clock_of(lane) for lane in lanes],
            [_sort(f"lane:{lane}", 1, "BY", "nosort", "GET", key("run:*->taken_at_ms")) for lane in lanes],
        )
        clocks = [max(float(old or 0), decode_clock(new).tat) for old, new in zip(theirs, ours, strict=True)]
        return Reading(
            at_s=first.at_s,
            unfinished=unfinished,
            newest_runs=newest,
            runs={run_id: _run(values, first.at_s) for run_id, values in zip(run_ids, runs, strict=True)},
            pages={page_id: _fields(PAGE_FIELDS, values) for page_id, values in zip(page_ids, pages, strict=True)},
            breakers=breakers,
            app=_fields(APP_FIELDS, first.app),
            snapshots=first.snapshots,
            failures=[fields[b"v"] for _id, fields in first.failures if b"v" in fields],
            delayed=first.delayed,
            leased=sum(held),
            marked=sum(marks),
            outbox=sum(outboxes),
            claimable_since_s=_claimable_since_s(first, clocks, taken),
        )

    async def _ask(self, *groups: list[Command]) -> list[list[Any]]:
        """Send groups of commands in one round trip; return their answers in the same groups."""
        pipeline = self._redis.pipeline(transaction=False)
        for command in (command for group in groups for command in group):
            pipeline.execute_command(*command)
        answers = iter(await aio(pipeline.execute))
        return [[next(answers) for _ in group] for group in groups]


class _First:
    """The answers to `_first_commands`, in their order."""

    def __init__(self, time: Any, *answers: Any) -> None:
        self.at_s = time[0] + time[1] / 1e6
        (self.expiring, self.draining, self.newest_runs, self.breakers, self.app) = answers[:5]
        (self.snapshots, self.failures, self.delayed, self.due) = answers[5:9]
        (self.sessions, self.outboxes, self.ready, self.waiting) = answers[9:]


def _first_commands() -> list[Command]:
    by_left: Command = (
        "BY",
        key("run:*->left"),
        "DESC",
        "GET",
        "#",
        "GET",
        key("run:*->page"),
        "GET",
        key("run:*->left"),
        "GET",
        key("run:*->hold:brake"),
    )
    return [
        ("TIME",),
        _sort("expiries", MOST_RUNS, *by_left),
        _sort("draining", MOST_RUNS, *by_left),
        ("ZREVRANGE", key("runs"), 0, NEWEST_RUNS - 1),
        _sort("troubled", MOST_PAGES, "BY", "nosort", "GET", "#", "GET", key("page:*->breaker")),
        _hmget("app", APP_FIELDS),
        ("HVALS", key("processes")),
        ("XREVRANGE", key("failures"), "+", "-", "COUNT", NEWEST_FAILURES),
        ("ZCARD", key("delayed")),
        ("ZRANGE", key("delayed"), 0, 0, "WITHSCORES"),
        ("ZRANGE", key("sessions"), 0, -1),
        ("SMEMBERS", key("outboxes")),
        ("ZRANGE", key("ready"), 0, BUSIEST - 1),
        ("ZRANGE", key("waiting"), 0, 0, "WITHSCORES"),
    ]


def _sort(name: str, most: int, *how: str | int) -> Command:
    """SORT joins a set with the hashes it names inside Redis: one command instead of one per member."""
    return ("SORT_RO", key(name), *how[:2], "LIMIT", 0, most, *how[2:])


def _hmget(name: str, fields: Iterable[str]) -> Command:
    return ("HMGET", key(name), *fields)


async def _in_time(question: Awaitable[T]) -> T:
    """Wait for Redis, but not for ever, and translate every way in which it can fail."""
    try:
        with trio.fail_after(ANSWER_WITHIN_S):
            return await question
    except trio.TooSlowError:
        raise QueueUnreachable(f"Redis does not answer within {ANSWER_WITHIN_S:.0f} s") from None
    except (RedisError, OSError) as exc:
        raise QueueUnreachable(f"Redis cannot be read: {telling(exc)}") from exc


def busiest_pages(unfinished: Iterable[Unfinished]) -> list[str]:
    """Return the pages with the most left, at most the busiest 100."""
    left: dict[str, int] = {}
    for run in unfinished:
        left[run.page_id] = left.get(run.page_id, 0) + run.left
    return sorted(left, key=lambda page: -left[page])[:BUSIEST]


def _unfinished(*answers: list[bytes | None]) -> list[Unfinished]:
    """Join the answers of the two sorted sets; a run on its way from one to the other counts once."""
    runs = {
        run_id: Unfinished(run_id=run_id, page_id=page, left=int(left or 0), braked=bool(braked))
        for answer in answers
        for run_id, page, left, braked in _rows(answer, 4)
        if page
    }
    return sorted(runs.values(), key=lambda run: -run.left)


def _claimable_since_s(first: _First, clocks: list[float], taken: list[list[bytes | None]]) -> float | None:
    """Return the earliest moment at which a lane that may send now became able to, or a retry became due."""
    since = []
    for tat_us, runs in zip(clocks, taken, strict=True):
        taken_ms = runs[0] if runs else None
        since.append(max(tat_us / 1e6, int(taken_ms or 0) / 1000) or first.at_s)
    since += [float(score) / 1000 for score in first.due[1:2]]
    since += [float(score) / 1e6 for score in first.waiting[1:2]]
    return min((s for s in since if s <= first.at_s), default=None)


def _clock_of(lane: str) -> tuple[str, ...]:
    page, _, content = lane.rpartition("/")
    return ("HGET", key(f"page:{page}"), f"clock:{content}")


def _rows(flat: list[bytes | None], width: int) -> Iterable[tuple[str, ...]]:
    texts = [(value or b"").decode("utf-8", "replace") for value in flat]
    return zip(*[iter(texts)] * width, strict=True)


def _texts(values: Iterable[bytes]) -> list[str]:
    return [value.decode("utf-8", "replace") for value in values]


def _fields(names: Iterable[str], values: list[bytes | None]) -> Fields:
    return {n: v.decode("utf-8", "replace") for n, v in zip(names, values, strict=True) if v is not None}


def _run(values: list[bytes | None], now_s: float) -> Fields:
    """Return a run's fields; one that is outside its hours is shown as held by its window."""
    *others, windows = values
    fields = _fields(RUN_FIELDS[:-1], others)
    return fields | {"hold:window": "1"} if is_closed(windows, now_s * 1000) else fields
