"""What people did, and what else held runs: as the log database has it, and what waits in Redis for its way there."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import TypeVar

import msgspec
import psycopg
import trio
from psycopg.rows import DictRow
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.board.audit.audit_question import AuditQuestion, Place
from ops.board.list_places import written
from ops.message_log.kept_connections import KeptConnections
from ops.shell.said import explain
from sender.queue.audit_stream import AuditEntry, AuditStream
from sender.queue.run_queue import RunQueue

T = TypeVar("T")

ANSWER_WITHIN_S = 3.0
MOST_WAITING = 1000
_AWAY = (psycopg.Error, RedisError, OSError, trio.TooSlowError)
_BEGINNING = Place(datetime.max.replace(tzinfo=UTC), "", 0)
_SQL = files("ops.board").joinpath("sql", "audit.sql").read_text("utf-8")
_OF_PAGES = files("ops.board").joinpath("sql", "audit_of_pages.sql").read_text("utf-8")
_ON_PAGES = frozenset({"page", "limits", "suppression", "person"})
"""First words of acts whose target is a page; of runs it is `run`."""
EVERYTHING = "all pages"
"""The target of acts on everything."""
_OTHERS = re.compile(r"\bone of \d+ pages\b")
"""What an act on many pages notes with each."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did."""

    at: datetime
    who: str
    """A name and a place."""
    what: str
    target: str
    detail: str
    stream_id: str | None
    waiting: bool
    """Whether it is still on its way into the log database."""
    by_person: bool = True
    """False: `who` is a rule (`rule NAME`), the source, the registry, or senders."""


class AuditAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Acts, newest first; `next`, given as `after`, brings the following ones, null: there are none."""

    acts: list[Act]
    waiting: int | None
    """Entries in Redis, of any age and target; null: Redis did not say, or who asks may see some pages only."""
    missing: list[str]
    """What did not answer, so that some acts may lack here."""
    next: str | None


class AuditTrail:
    """Asks both. `url` None: there is no log database here."""

    def __init__(self, redis: Redis, url: str | None, *, within_s: float = ANSWER_WITHIN_S) -> None:
        self._streams = (AuditStream(redis), AuditStream(redis, by_person=False))
        self._runs = RunQueue(redis)
        self._log = KeptConnections(url) if url else None
        self._within_s = within_s

    async def close(self) -> None:
        """Close what it has opened."""
        if self._log is not None:
            await self._log.close()

    async def read(self, question: AuditQuestion, limit: int) -> AuditAnswer:
        """Return a page of the trail; it never fails, but says what it lacks."""
        missing: list[str] = []
        nothing: tuple[list[tuple[Place, Act]], int | None] = ([], None)
        waiting, count = await self._answer(lambda: self._waiting(question), nothing, missing)
        no_rows: list[DictRow] = []
        rows = await self._answer(lambda: self._rows(question, limit + 1), no_rows, missing)
        if self._log is None:
            missing.append("LOG_DATABASE_URL is not set for this service: older acts are in the log database")
        kept = [(Place(row["at"], row["stream_id"] or "", row.pop("id")), Act(**row, waiting=False)) for row in rows]
        known = {act.stream_id for _, act in kept}
        found = sorted([*(w for w in waiting if w[1].stream_id not in known), *kept], key=lambda one: one[0])[::-1]
        more = len(found) > limit
        acts = [act if question.pages is None else alone(act) for _, act in found[:limit]]
        return AuditAnswer(
            acts=acts, waiting=count, missing=missing, next=written(found[limit - 1][0]) if more else None
        )

    async def _rows(self, question: AuditQuestion, limit: int) -> list[DictRow]:
        if self._log is None:
            return []
        after = question.after or _BEGINNING
        place = {"after_at": after.at, "after_stream": after.stream_id, "after_id": after.number}
        params = msgspec.structs.asdict(question) | {"limit": limit, "after": None} | place
        if question.pages is None:
            return await self._log.ask(_SQL.format(theirs="true"), params)
        return await self._log.ask(_SQL.format(theirs=_OF_PAGES), params | {"pages": sorted(question.pages)})

    async def _waiting(self, question: AuditQuestion) -> tuple[list[tuple[Place, Act]], int | None]:
        fitting, count = [], 0
        for stream in self._streams:
            if question.by_person in (None, stream.by_person):
                entries = await stream.newest(MOST_WAITING)
                if question.pages is not None:
                    entries = await self._of_pages(entries, question.pages)
                acts = [
                    (Place(entry.at, entry.stream_id, 0), act_of(entry, by_person=stream.by_person))
                    for entry in entries
                ]
                fitting += [
                    (place, act)
                    for place, act in acts
                    if question.fits(who=act.who, what=act.what, target=act.target, place=place)
                ]
                count += await stream.waiting()
        return fitting, count if question.pages is None else None

    async def _of_pages(self, entries: list[AuditEntry], pages: frozenset[str]) -> list[AuditEntry]:
        """Tell of what waits in Redis what `audit_of_pages.sql` tells of rows; only runs that the queue knows wait."""
        runs = await self._runs.glance(list({entry.target for entry in entries if _kind(entry) == "run"}))
        of_runs = {run_id for run_id, run in runs.items() if run.page_id in pages}
        theirs = {"run": of_runs} | dict.fromkeys(_ON_PAGES, pages)
        return [entry for entry in entries if entry.target in theirs.get(_kind(entry), ())]

    async def _answer(self, ask: Callable[[], Awaitable[T]], otherwise: T, missing: list[str]) -> T:
        try:
            with trio.fail_after(self._within_s):
                return await ask()
        except _AWAY as exc:
            missing.extend(explain(exc))
            return otherwise


def _kind(entry: AuditEntry) -> str:
    return entry.what.partition(" ")[0]


def alone(act: Act) -> Act:
    """Leave out on how many pages of others it was done too, and what it says of all pages together."""
    detail = "" if act.target == EVERYTHING else _OTHERS.sub("one of several pages", act.detail)
    return msgspec.structs.replace(act, detail=detail)


def act_of(entry: AuditEntry, *, by_person: bool) -> Act:
    """Return what waits in Redis as what was done."""
    return Act(**msgspec.structs.asdict(entry), waiting=True, by_person=by_person)
