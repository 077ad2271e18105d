"""What is in the queue, as figures begin: runs, where their jobs are, and names behind which the rest is found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from redis.asyncio import Redis

from schema.runtime.asyncio_door import aio
from sender.queue.limit_clock import decode_clock
from sender.queue.script_loader import Scripts


class Zone(msgspec.Struct, frozen=True, array_like=True):
    """Recipients of a run that have a time zone of their own."""

    name: str
    waiting: int
    parked_until_ms: float
    """Before this moment they are not served; 0: they have their turns."""


class Unfinished(msgspec.Struct, frozen=True, array_like=True):
    """A run and where its jobs are, in the order of `app/survey.lua`. What is left beside these waits for a retry."""

    run_id: str
    page_id: str
    left: int
    """Recipients that have no final outcome yet."""
    braked: bool = False
    state: str = "active"
    content: str = "text"
    held_by: tuple[str, ...] = ()
    waiting: int = 0
    """Jobs in its list."""
    parked_until_ms: float = 0.0
    """As of a zone."""
    zones: tuple[Zone, ...] = ()
    aside: int = 0
    """Jobs that will not be sent and wait to be drained."""
    held: int = 0
    """Jobs that senders hold; -1: not known, they are too many to be looked at."""


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
    held_back: list[str] = []
    """Pages of these runs that are paused or slowed down."""


Values = list[bytes | None]
_RUNS = msgspec.msgpack.Decoder(list[Unfinished])


async def survey(
    redis: Redis, *, most_runs: int, most_pages: int, newest: int, most_lanes: int, run_ids: Sequence[str] = ()
) -> Survey:
    """Look at all runs, pages and lanes in one call, at most so many of each. Errors: redis.RedisError.

    `run_ids`: runs to look at besides, finished ones too.
    """
    bounds = (most_runs, most_pages, newest, most_lanes)
    answer = await aio(Scripts(redis).call, "app/survey", *bounds, msgspec.msgpack.encode(run_ids))
    now_us, unfinished, breakers, newest_runs, sessions, outboxes, lanes, held_back = answer
    return Survey(
        at_s=int(now_us) / 1e6,
        unfinished=_unfinished(_RUNS.decode(unfinished)),
        breakers=dict(zip(_texts(breakers[::2]), _texts(breakers[1::2]), strict=True)),
        newest_runs=_texts(newest_runs),
        sessions=_texts(sessions),
        outboxes=_texts(outboxes),
        ready=[_lane(*lanes[at : at + 3]) for at in range(0, len(lanes), 3)],
        held_back=_texts(held_back),
    )


async def fields_of(redis: Redis, *kinds: tuple[str, Sequence[str], Sequence[str]]) -> list[list[Values]]:
    """Return the values of fields of many hashes in one call. Errors: redis.RedisError.

    `kinds`: how the keys of a kind begin, its ids, its fields. Of each kind, of each id: the values; None: missing.
    """
    packed = [(begins, msgspec.msgpack.encode(ids), msgspec.msgpack.encode(names)) for begins, ids, names in kinds]
    found: list[list[Values]] = await aio(
        Scripts(redis).call, "app/fields", *(part for kind in packed for part in kind)
    )
    return found


def _unfinished(seen: list[Unfinished]) -> list[Unfinished]:
    """Return each run once: one that begins to be drained may stand in both of its sets."""
    return sorted({run.run_id: run for run in seen}.values(), key=lambda run: -run.left)


def _lane(clock: bytes | None, older_clock_us: bytes | None, taken_at_ms: bytes | None) -> ReadyLane:
    """Senders of the first release have a clock of their own; see lib/gcra.lua."""
    used_until_us = max(float(older_clock_us or 0), decode_clock(clock).tat)
    return ReadyLane(used_until_us / 1e6, int(taken_at_ms or 0) / 1000)


def _texts(values: Iterable[bytes]) -> list[str]:
    return [value.decode("utf-8", "replace") for value in values]
