"""The queue as the run processor and the command line see it: creating, filling, holding and ending runs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence

import msgspec
from redis.asyncio import Redis

from schema.keys import key
from schema.outcomes import Outcome
from schema.run import ContentClass, Run, RunState
from schema.runtime.asyncio_door import aio
from sender.queue.run_hours import is_closed
from sender.queue.script_loader import Scripts, slices


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the queue knows of a run."""

    run_id: str
    page_id: str
    state: RunState
    cursor: str
    """The last recipient id that was enqueued; "" before the first."""
    enqueued: bool
    recipients: int
    left: int
    """Recipients enqueued that have no final outcome yet."""
    outcomes: dict[str, int]
    """Final outcomes (and `retrying` attempts) by name."""
    held_by: list[str]
    """Who holds the run: of HOLDERS; empty when it runs."""
    content: ContentClass
    priority: int
    finished_at_ms: int | None
    expires_at_ms: int = 0
    brake_rule: str | None = None
    """Which rule has set the brake; None while it does not hold the run. Likewise the next two."""
    brake_reason: str | None = None
    brake_at_ms: int | None = None
    closed: bool = False
    """Whether it is outside its hours now, by the page's clock."""
    ended_as: str | None = None
    """Of a finished run: `complete`, `cancelled` or `expired`."""


class RunGlance(msgspec.Struct, frozen=True, array_like=True):
    """The part of that which is looked at on every poll, in the order of `runs/glance.lua`."""

    run_id: str
    page_id: str
    state: RunState
    cursor: str
    enqueued: bool
    held_by: tuple[str, ...]
    hours: str = ""
    """What its hours were made of, as `set_windows` was told; "" when it has none."""
    hours_until_ms: int = 0
    """Up to when they are known."""


_GLANCES = msgspec.msgpack.Decoder(list[RunGlance])
_COUNTERS = tuple(Outcome)
_FIELDS = (
    "page",
    "state",
    "cursor",
    "enqueued",
    "recipients",
    "left",
    "lane",
    "priority",
    "finished_at_ms",
    "expires_at_ms",
    "ended_as",
)
_BRAKE = ("brake_rule", "brake_reason", "brake_at_ms")
HOLDERS = ("source", "operator", "window", "registry", "brake")
"""`registry`: another queue holds this run's jobs, as the registry says. `brake`: a rule, until a person resumes it."""


class RunQueue:
    """Runs in Redis. Methods are Trio coroutines; all may be repeated. Errors: redis.RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)

    async def epoch(self) -> str:
        """Return the queue's epoch; make one when there is none."""
        answer: bytes = await aio(self._scripts.call, "runs/epoch", secrets.token_hex(8))
        return answer.decode()

    async def create_run(self, run: Run) -> None:
        """Make the run known, empty and `enqueuing`. Nothing happens when it is known already."""
        lane, spec = f"{run.page_id}/{run.content}", msgspec.json.encode(run)
        await aio(
            self._scripts.call, "runs/create", run.run_id, run.page_id, lane, spec, run.priority, run.expires_at_ms
        )

    async def enqueue_chunk(
        self,
        run_id: str,
        *,
        cursor: str,
        next_cursor: str,
        records: list[bytes],
        last: bool,
        ended: dict[str, int] | None = None,
    ) -> bool:
        """Append job records and move the cursor, in one step. `last`: the run is complete with this chunk.

        `ended`: final outcome -> how many recipients of the chunk had it already, in a queue that was lost; they count
        in the run and get no job.

        False: nothing was done, because the cursor was not at `cursor` (another processor moved it) or the
        run is unknown or ended.
        """
        where = (run_id, cursor, next_cursor, int(last), msgspec.msgpack.encode(ended or {}))
        return bool(await aio(self._scripts.call, "runs/enqueue_chunk", *where, *records))

    async def unfinished(self) -> list[str]:
        """Return every run that the queue may still send."""
        return [i.decode() for i in await aio(self._scripts.command, "ZRANGE", key("expiries"), 0, -1)]

    async def facts(self, run_ids: list[str]) -> dict[str, RunFacts]:
        """Return what is known of these runs; unknown ones are missing from the answer."""
        wanted = [*_FIELDS, *_BRAKE, *_COUNTERS, *(f"hold:{h}" for h in HOLDERS), "windows"]

        async def read() -> list[list[bytes | None]]:
            async with self._redis.pipeline(transaction=False) as pipe:
                for run_id in run_ids:
                    pipe.hmget(key(f"run:{run_id}"), wanted)
                rows: list[list[bytes | None]] = await pipe.execute()
                return rows

        rows = await aio(read)
        return {run_id: _facts(run_id, row) for run_id, row in zip(run_ids, rows, strict=True) if row[0] is not None}

    async def glance(self, run_ids: list[str]) -> dict[str, RunGlance]:
        """Return what a poll looks at of these runs; unknown ones are missing from the answer."""
        found: dict[str, RunGlance] = {}
        for some in slices(run_ids):
            answer: bytes = await aio(self._scripts.call, "runs/glance", msgspec.msgpack.encode(some))
            found |= {run.run_id: run for run in _GLANCES.decode(answer)}
        return found

    async def spec(self, run_id: str) -> Run | None:
        """Return the run as senders read it; None: unknown, or it cannot be decoded."""
        spec = await aio(self._scripts.command, "HGET", key(f"run:{run_id}"), "spec")
        try:
            return msgspec.json.decode(spec or b"", type=Run)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    async def clock_ms(self) -> int:
        """Return Redis's clock, in ms since 1970."""
        seconds, us = await aio(self._scripts.command, "TIME")
        return int(seconds) * 1000 + int(us) // 1000

    async def hold(self, run_id: str, holder: str, *, who: str = "") -> bool:
        """Stop sending the run until this one of HOLDERS lets go. False: unknown or ended.

        `who`: the person who does it, for the audit trail; "": nobody, a process follows the source (likewise below).
        """
        return bool(await aio(self._scripts.call, "runs/hold", run_id, holder, 1, who))

    async def let_go(self, run_id: str, holder: str, *, who: str = "") -> bool:
        """Undo this holder's hold; the run sends again when no other holds it. False: unknown or ended.

        A person lets go of the brake too, and what it counts begins anew.
        """
        return bool(await aio(self._scripts.call, "runs/hold", run_id, holder, 0, who))

    async def set_windows(
        self, run_id: str, windows: Mapping[str, Sequence[tuple[int, int]]], *, hours: str = "", until_ms: int = 0
    ) -> set[str]:
        """Say when the run may send: time zone ("": the page's) -> intervals (opens, closes) in ms, in order.

        They are put beside those of other zones; no windows at all: it may always send. Behind its last interval, and
        with none, a zone is closed. Nothing happens to a run that is unknown or ended.

        Args:
            run_id: whose.
            windows: those that are new; each zone's replace what it had.
            hours: a text by which a caller knows again what all of the run's windows were made of.
            until_ms: up to when they are known, when that changes for all of them.

        Returns zones that are missing: where `hours` or `until_ms` is new, all of the run's have to be given, the
        page's among them. Nothing was done then.
        """
        flat = {zone: [moment for interval in intervals for moment in interval] for zone, intervals in windows.items()}
        packed = msgspec.msgpack.encode(flat)
        return {i.decode() for i in await aio(self._scripts.call, "runs/set_windows", run_id, packed, hours, until_ms)}

    async def older_senders(self) -> bool:
        """Say whether senders of the former release live: they know holds, and nothing of windows."""
        return bool(await aio(self._scripts.command, "HGET", key("app"), "older_senders") == b"1")

    async def cancel(self, run_id: str, *, who: str = "") -> bool:
        """Begin to drain the run as `cancelled`; cannot be undone. False: unknown or ended."""
        return bool(await aio(self._scripts.call, "runs/cancel", run_id, who))

    async def extend(self, run_id: str, until_ms: int, *, who: str) -> bool:
        """Let the run expire later, at this moment. False: unknown, ended, not later, or changed at the same time."""
        spec, before = await aio(self._scripts.command, "HMGET", key(f"run:{run_id}"), "spec", "expires_at_ms")
        if spec is None or int(before or 0) >= until_ms:
            return False
        later = msgspec.json.encode({**msgspec.json.decode(spec), "expires_at_ms": until_ms})
        return bool(await aio(self._scripts.call, "runs/extend", run_id, before, until_ms, later, who))

    async def finished(self, limit: int = 100) -> list[RunFacts]:
        """Return runs that finished and were not confirmed yet, oldest first."""
        ids = await aio(self._scripts.command, "ZRANGE", key("finished"), 0, limit - 1)
        return list((await self.facts([i.decode() for i in ids])).values())

    async def confirm_finished(self, run_ids: list[str]) -> None:
        """Say that the registry has noted these as finished."""
        if run_ids:
            await aio(self._scripts.call, "runs/confirm_finished", *run_ids)

    async def forget_ended(self, keep_ms: int) -> int:
        """Forget up to 100 runs that were confirmed and ended longer ago than this; return how many."""
        return int(await aio(self._scripts.call, "runs/forget_ended", keep_ms))


def _facts(run_id: str, row: list[bytes | None]) -> RunFacts:
    *values, windows = row
    text = [None if v is None else v.decode() for v in values]
    page, state, cursor, enqueued, recipients, left, lane, priority, finished, expires, ended_as = text[: len(_FIELDS)]
    rest = text[len(_FIELDS) :]
    (rule, reason, braked_at), rest = rest[: len(_BRAKE)], rest[len(_BRAKE) :]
    held_by = [holder for holder, held in zip(HOLDERS, rest[len(_COUNTERS) :], strict=True) if held]
    braked = "brake" in held_by
    return RunFacts(
        run_id=run_id,
        page_id=page or "",
        state=RunState(state or ""),
        cursor=cursor or "",
        enqueued=enqueued == "1",
        recipients=int(recipients or 0),
        left=int(left or 0),
        outcomes={name.value: int(n) for name, n in zip(_COUNTERS, rest, strict=False) if n},
        held_by=held_by,
        content="media" if (lane or "").endswith("/media") else "text",
        priority=int(priority or 0),
        finished_at_ms=int(finished) if finished else None,
        expires_at_ms=int(expires or 0),
        brake_rule=rule if braked else None,
        brake_reason=reason if braked else None,
        brake_at_ms=int(braked_at) if braked and braked_at else None,
        closed=is_closed(windows, time.time() * 1000),
        ended_as=ended_as or None,
    )
