"""What is in the queue, as figures begin: the unfinished runs, and the names behind which the rest is found."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from redis.asyncio import Redis

from schema.runtime.asyncio_door import aio
from sender.queue.limit_clock import decode_clock
from sender.queue.script_loader import Scripts


class Unfinished(msgspec.Struct, frozen=True):
    """A run that still has recipients without an outcome."""

    run_id: str
    page_id: str
    left: int
    braked: bool = False


class ReadyLane(msgspec.Struct, frozen=True):
    """A lane that may send now."""

    used_until_s: float
    """Up to when its limit was used up."""
    taken_at_s: float
    """When its next run was taken; 0: it has none."""


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """All of one moment. `_s` are seconds since 1970 by Redis's clock."""

    at_s: float
    unfinished: list[Unfinished]
    """Most left first."""
    breakers: dict[str, str]
    """Those that are not closed, by page."""
    newest_runs: list[str]
    sessions: list[str]
    outboxes: list[str]
    """Sessions that have one."""
    ready: list[ReadyLane]


_PACKED = msgspec.msgpack.Decoder(list[str])


async def survey(redis: Redis, *, most_runs: int, most_pages: int, newest: int, most_lanes: int) -> Survey:
    """Look at all runs, pages and lanes in one call, at most so many of each. Errors: redis.RedisError."""
    answer = await aio(Scripts(redis).call, "app/survey", most_runs, most_pages, newest, most_lanes)
    now_us, unfinished, breakers, newest_runs, sessions, outboxes, lanes = answer
    return Survey(
        at_s=int(now_us) / 1e6,
        unfinished=_unfinished(_PACKED.decode(unfinished)),
        breakers=dict(zip(_texts(breakers[::2]), _texts(breakers[1::2]), strict=True)),
        newest_runs=_texts(newest_runs),
        sessions=_texts(sessions),
        outboxes=_texts(outboxes),
        ready=[_lane(*lanes[at : at + 3]) for at in range(0, len(lanes), 3)],
    )


def _unfinished(flat: list[str]) -> list[Unfinished]:
    """Return each run once: one that begins to be drained may stand in both of its sets."""
    rows = zip(flat[::4], flat[1::4], flat[2::4], flat[3::4], strict=True)
    runs = {run_id: Unfinished(run_id, page_id, int(left), bool(brake)) for run_id, page_id, left, brake in rows}
    return sorted(runs.values(), key=lambda run: -run.left)


def _lane(clock: bytes | None, older_clock_us: bytes | None, taken_at_ms: bytes | None) -> ReadyLane:
    """Senders of the first release have a clock of their own; see lib/gcra.lua."""
    used_until_us = max(float(older_clock_us or 0), decode_clock(clock).tat)
    return ReadyLane(used_until_us / 1e6, int(taken_at_ms or 0) / 1000)


def _texts(values: Iterable[bytes]) -> list[str]:
    return [value.decode("utf-8", "replace") for value in values]
