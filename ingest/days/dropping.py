"""Dropping day partitions without holding up anybody, in steps that whoever comes next can go on with. Asyncio code.

    marked     the table has a comment that says so, its day is in dropped_days: no row of it comes in any more
    detaching  DETACH … CONCURRENTLY: new queries do not see the day, older ones are waited for
    detached   a table of its own, dropped next

Only a marked table is dropped. One that a person detached stays.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
import psycopg
from psycopg import errors
from psycopg.sql import SQL, Composed, Identifier, Literal

from ingest.days.arithmetic import TABLE, outdated, partition_name
from ingest.days.clocks import Connection, two_days
from ingest.days.listing import MARK, Doomed, Holder, list_doomed, list_holders, list_partitions

_DETACH_WITHIN_S: Final = 3.0
_LIMIT: Final = "SET LOCAL lock_timeout = '2s'"
"""Nobody who attaches a day is to wait for long, and by the last step of detaching they would. But more than a second,
after which PostgreSQL tells an automatic vacuum to give way. Detaching concurrently, which cannot be in a transaction,
is cancelled from here instead: nothing is set for the session, so that a pooler may lie between."""
_READ: Final = "it is still read"
_COMMENT: Final = f"{MARK}, which a later drop finishes; to keep it, detach it and remove this comment"
_DETACH: Final = SQL("ALTER TABLE {log} DETACH PARTITION {name} CONCURRENTLY")
_FINALIZE: Final = SQL("ALTER TABLE {log} DETACH PARTITION {name} FINALIZE")
_DROP: Final = SQL("DROP TABLE {name}")

_BY_ANOTHER: Final = (errors.UndefinedTable, errors.ObjectInUse, errors.InternalError_, errors.DeadlockDetected)
"""What a step is answered when somebody else did it at the same time: the table is gone, no partition any more, removed
concurrently, its row of the catalogue concurrently updated."""


class Unfinished(msgspec.Struct, frozen=True):
    """A table whose dropping has begun and must wait."""

    name: str
    stage: str
    """As in `Doomed`."""
    why: str
    held_by: list[Holder]
    in_turn: bool = False
    """Whether it only waits for another table, or for somebody who drops it at this moment."""

    @property
    def ends_by_itself(self) -> bool:
        """Whether nobody has to mend anything."""
        return self.in_turn or self.why == _READ


class Dropped(msgspec.Struct, frozen=True):
    """What a call of `drop` came to."""

    names: list[str]
    left: list[Unfinished]


async def drop(connection: Connection, keep_days: int) -> Dropped:
    """Drop the days older than `keep_days` full days, as far as nobody uses them. Call again for what is left.

    `connection` is in autocommit mode. Safe at the same time from several places: what one begins the other may finish.
    Today is the earlier day of the database's clock and ours: one that is ahead drops nothing.

    Raises:
        psycopg.errors.LockNotAvailable: when somebody has locked the whole log.
        psycopg.Error: when the database cannot be used. What keeps one table from being dropped is in the answer.
    """
    left = await _mark(connection, keep_days)
    names: list[str] = []
    before: str | None = None
    for table in await list_doomed(connection):
        if before and table.stage != "detached":  # PostgreSQL detaches one partition of a table at a time
            left.append(Unfinished(table.name, table.stage, f"waits for {before}", [], in_turn=True))
            continue
        try:
            if held := await _finish(connection, table):
                left.append(held)
            elif table.marked:
                names.append(table.name)
        except (psycopg.Error, TimeoutError) as exc:
            if held := await _held(connection, table, exc):
                left.append(held)
        if held and held.stage != "detached":
            before = held.name
    return Dropped(names, left)


async def _mark(connection: Connection, keep_days: int) -> list[Unfinished]:
    """Say of each outdated day that it goes; return those of which that cannot be said now."""
    today = (await two_days(connection)).earlier
    async with connection.transaction():  # the size of a table is not told while somebody has locked it
        await connection.execute(_LIMIT)
        days = [p.day for p in await list_partitions(connection)]
    left = []
    for day in outdated(days, today, keep_days):
        name = partition_name(day)
        comment = SQL("COMMENT ON TABLE {} IS {}").format(Identifier(name), Literal(_COMMENT))
        try:
            async with connection.transaction():
                await connection.execute(_LIMIT)
                await connection.execute("INSERT INTO dropped_days (day) VALUES (%s) ON CONFLICT DO NOTHING", [day])
                await connection.execute(comment)
        except _BY_ANOTHER:
            continue
        except psycopg.Error as exc:
            left.append(Unfinished(name, "not begun", _reason(connection, exc), []))
    return left


async def _finish(connection: Connection, table: Doomed) -> Unfinished | None:
    """Bring a table through the stages that are left. Returns for whom that has to wait, when it is known before."""
    names = {"log": Identifier(TABLE), "name": Identifier(table.name)}
    if table.stage == "marked":
        async with asyncio.timeout(_DETACH_WITHIN_S):
            await connection.execute(_DETACH.format(**names))
    elif table.stage == "detaching":
        if holders := await list_holders(connection, table):  # not even tried: see _LIMIT
            return Unfinished(table.name, table.stage, _READ, holders)
        await _within_limit(connection, _FINALIZE.format(**names))
    if table.marked:
        await _within_limit(connection, _DROP.format(**names))
    return None


async def _within_limit(connection: Connection, statement: Composed) -> None:
    async with connection.transaction():
        await connection.execute(_LIMIT)
        await connection.execute(statement)


async def _held(connection: Connection, table: Doomed, exc: psycopg.Error | TimeoutError) -> Unfinished | None:
    """Return how a table stands after a step of it has failed; None when somebody else has finished it meanwhile."""
    reason = _reason(connection, exc)
    now = next((t for t in await list_doomed(connection) if t.oid == table.oid), None)
    if now is None:
        return None
    if isinstance(exc, _BY_ANOTHER) or _is_pending(exc):
        return Unfinished(now.name, now.stage, "somebody else is dropping it, or another", [], in_turn=True)
    return Unfinished(now.name, now.stage, reason, await list_holders(connection, now))


def _is_pending(exc: psycopg.Error | TimeoutError) -> bool:
    """Say whether somebody else is detaching a partition, or has just done it.

    PostgreSQL gives a hint then; the same code without a hint is about a default partition (tablecmds.c).
    """
    return isinstance(exc, errors.ObjectNotInPrerequisiteState) and bool(
        exc.diag.message_hint or exc.diag.message_detail
    )


def _reason(connection: Connection, exc: psycopg.Error | TimeoutError) -> str:
    """Say what kept one table from being dropped. Raises `exc` again when it is about the connection."""
    if connection.closed:
        raise exc
    if isinstance(exc, TimeoutError | errors.LockNotAvailable | errors.QueryCanceled):
        return _READ
    return exc.diag.message_primary or type(exc).__name__
