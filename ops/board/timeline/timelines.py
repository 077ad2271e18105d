"""Asking for a run's timeline: the acts that the log database and Redis know, and what the run itself says."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, NamedTuple

import trio
from psycopg.rows import DictRow
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.board.audit.audit_trail import EVERYTHING, MOST_WAITING, Act, act_of, alone
from ops.board.history import HistoryUnreachable
from ops.board.runs.registry_row import NOT_TAKEN
from ops.board.runs.run_answers import RunAnswer, RunDetail
from ops.board.timeline.closed_hours import HOURS, closed_hours
from ops.board.timeline.holds import APP, concerns, entries_of, of_the_run, with_the_present
from ops.board.timeline.timeline_answers import Entry, TimelineAnswer
from ops.shell.said import explain
from sender.queue.audit_stream import AuditStream

MOST = 200
MOST_READ = 1000
"""Acts on each of the run, its page and everything."""
FRESH_S = 5.0
MOST_KEPT = 200
REDIS_WITHIN_S = 3.0
_SQL = files("ops.board").joinpath("sql/acts_around.sql").read_text("utf-8")

Ask = Callable[[str, dict[str, Any]], Awaitable[list[DictRow]]]


class _Known(NamedTuple):
    """What was done around a run, oldest first, and what did not answer."""

    acts: list[Act]
    missing: list[str]


class Timelines:
    """Keeps what was read of a run for some seconds. Never fails, but says what it lacks.

    `ask`: the log database; None: there is none here.
    """

    def __init__(self, redis: Redis, ask: Ask | None) -> None:
        self._streams = (AuditStream(redis), AuditStream(redis, by_person=False))
        self._ask = ask
        self._kept: dict[str, tuple[float, _Known]] = {}

    def forget(self) -> None:
        """Read anew from now on."""
        self._kept.clear()

    async def of(self, run: RunDetail, *, of_all: bool) -> TimelineAnswer:
        """Return a run's timeline.

        Args:
            run: as it is known now.
            of_all: whether who asks may see every page: else what acts say of others is left out.
        """
        now = time.monotonic()
        fresh_until, known = self._kept.get(run.run_id, (0.0, _Known([], [])))
        if fresh_until <= now:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            known = await self._read(run)
            self._kept[run.run_id] = (now + FRESH_S, known)
        acts = known.acts if of_all else [alone(act) for act in known.acts]
        entries = sorted(_entries(run, acts), key=lambda entry: entry.place)
        return TimelineAnswer(
            run_id=run.run_id, entries=entries[-MOST:], more=max(0, len(entries) - MOST), missing=known.missing
        )

    async def _read(self, run: RunAnswer) -> _Known:
        missing: list[str] = []
        rows, waiting = await self._rows(run, missing), await self._waiting(missing)
        logged = {act.stream_id for act in rows if act.stream_id}
        acts = [*rows, *(act for act in waiting if act.stream_id not in logged)]
        found = [act for act in acts if concerns(act, run.run_id, run.page_id)]
        return _Known(sorted(found, key=lambda act: (act.at, act.stream_id or "")), missing)

    async def _rows(self, run: RunAnswer, missing: list[str]) -> list[Act]:
        targets = [t for t in {run.run_id, run.page_id, EVERYTHING, APP} if "\0" not in t]
        if self._ask is None:
            missing.append("LOG_DATABASE_URL is not set for this service: older moments are in the log database")
            return []
        params = {"targets": targets, "run": run.run_id, "until": run.finished_at, "most": MOST_READ}
        try:
            rows = await self._ask(_SQL, params | {"run": run.run_id.replace("\0", "")})
        except HistoryUnreachable as exc:
            missing.append(str(exc))
            return []
        full = {target for target, count in Counter(row["target"] for row in rows).items() if count >= MOST_READ}
        oldest = max((min(row["at"] for row in rows if row["target"] == target) for target in full), default=None)
        if oldest and run.taken_at and oldest > run.taken_at:
            said = oldest.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            missing.append(f"much happened: of what was before {said} not all was read; newar audit has it")
        return [Act(**row | {"at": row["at"].astimezone(UTC)}, waiting=False) for row in rows]

    async def _waiting(self, missing: list[str]) -> list[Act]:
        found: list[Act] = []
        try:
            with trio.fail_after(REDIS_WITHIN_S):
                for stream in self._streams:
                    newest = await stream.newest(MOST_WAITING)
                    found += [act_of(entry, by_person=stream.by_person) for entry in newest]
                    if len(newest) >= MOST_WAITING:
                        missing.append("many acts wait in Redis for their way into the log database: not all were read")
        except (RedisError, OSError, trio.TooSlowError) as exc:
            missing.extend(explain(exc))
        return found


def _entries(run: RunDetail, acts: list[Act]) -> list[Entry]:
    """Return all that is known, in no order. Pure, but for the time."""
    is_taken = run.state not in NOT_TAKEN
    taken_at = run.taken_at if is_taken else None
    found = of_the_run(entries_of(acts), taken_at, run.finished_at)
    found += closed_hours([act for act in acts if act.what == HOURS], run.finished_at, datetime.now(UTC))
    if run.finished_at is None:
        since = run.brake.since if run.brake else None
        found = with_the_present(found, run.waiting_because if run.queue == "ok" else None, since)
    own = (("due", run.scheduled_at), ("taken", taken_at), ("ended", run.finished_at))
    return [*found, *(Entry(what=what, at=at) for what, at in own if at is not None)]
