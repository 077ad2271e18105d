"""Dropping day partitions without holding up anybody, in steps that whoever comes next can go on with. Asyncio code.

    marked     the table has a comment that says so, its day is in dropped_days: no row of it comes in any more
    detaching  DETACH … CONCURRENTLY: new queries do not see the day, older ones are waited for
    detached   a table of its own, dropped next

Only a marked table is dropped. One that a person detached stays.
"""

from __future__ import annotations

from typing import Final

import msgspec
import psycopg
from psycopg import errors
from psycopg.sql import SQL, Identifier, Literal

from ingest.days.arithmetic import TABLE, outdated, partition_name
from ingest.days.clocks import Connection, two_days
from ingest.days.listing import MARK, Doomed, Holder, list_doomed, list_holders, list_partitions

_LOCK: Final = 0x6E6577617264  # "neward": the advisory lock of who drops partitions; making them does not ask for it
_LIMITS: Final = "SET lock_timeout = '2s'; SET statement_timeout = '60s'; SET idle_session_timeout = '5min'"
"""The second step of detaching keeps others from attaching while it waits: not for long. But more than a second, after
which PostgreSQL tells an automatic vacuum to give way. The last is for a machine that vanishes with the advisory lock.
"""
_READ: Final = "it is still read"
_COMMENT: Final = f"{MARK}, which a later drop finishes; to keep it, detach it and remove this comment"
_STATEMENTS: Final = {
    "marked": SQL("ALTER TABLE {log} DETACH PARTITION {name} CONCURRENTLY"),
    "detaching": SQL("ALTER TABLE {log} DETACH PARTITION {name} FINALIZE"),
}


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

    `connection` is in autocommit mode. It keeps the short time limits that are set here; close it after an error.
    Today is the earlier day of the database's clock and ours: one that is ahead drops nothing.

    Raises:
        psycopg.Error: when the database cannot be used. What keeps one table from being dropped is in the answer.
    """
    await connection.execute(_LIMITS)
    answer = await connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
    if await answer.fetchone() == (False,):
        return Dropped([], await _left_to_another(connection))
    trouble = await _mark(connection, keep_days)
    done = await _go_on(connection)
    await connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    return Dropped(done.names, trouble + done.left)


async def _mark(connection: Connection, keep_days: int) -> list[Unfinished]:
    """Say of each outdated day that it goes; return those of which that cannot be said now."""
    today = (await two_days(connection)).earlier
    left = []
    for day in outdated([p.day for p in await list_partitions(connection)], today, keep_days):
        name = partition_name(day)
        try:
            async with connection.transaction():
                await connection.execute("INSERT INTO dropped_days (day) VALUES (%s) ON CONFLICT DO NOTHING", [day])
                comment = SQL("COMMENT ON TABLE {} IS {}").format(Identifier(name), Literal(_COMMENT))
                await connection.execute(comment)
        except psycopg.Error as exc:
            left.append(Unfinished(name, "not begun", _reason(connection, exc), []))
    return left


async def _go_on(connection: Connection) -> Dropped:
    names: list[str] = []
    left: list[Unfinished] = []
    before: str | None = None
    for table in await list_doomed(connection):
        if before and table.stage != "detached":  # PostgreSQL detaches one partition of a table at a time
            left.append(Unfinished(table.name, table.stage, f"waits for {before}", [], in_turn=True))
        elif held := await _finish(connection, table):
            left.append(held)
            before = held.name if held.stage != "detached" else before
        elif table.marked:
            names.append(table.name)
    return Dropped(names, left)


async def _finish(connection: Connection, table: Doomed) -> Unfinished | None:
    """Bring a table through the stages that are left; return what it waits for, or None when it is done."""
    stage = table.stage
    if stage == "detaching" and (holders := await list_holders(connection, table)):
        return Unfinished(table.name, stage, _READ, holders)  # to wait for them would hold up who attaches a day
    try:
        if stage != "detached":
            parts = {"log": Identifier(TABLE), "name": Identifier(table.name)}
            await connection.execute(_STATEMENTS[stage].format(**parts))
            stage = "detached"
        if table.marked:
            await connection.execute(SQL("DROP TABLE IF EXISTS {}").format(Identifier(table.name)))
    except psycopg.Error as exc:
        return await _held(connection, table, _reason(connection, exc))
    return None


async def _held(connection: Connection, table: Doomed, reason: str) -> Unfinished | None:
    """Return how a table stands after a step of it has failed; None when somebody else has finished it meanwhile."""
    now = next((t for t in await list_doomed(connection) if t.oid == table.oid), None)
    if now is None:
        return None
    return Unfinished(now.name, now.stage, reason, await list_holders(connection, now))


async def _left_to_another(connection: Connection) -> list[Unfinished]:
    """Return what is being dropped at this moment by whoever has the lock."""
    doomed = await list_doomed(connection)
    return [Unfinished(t.name, t.stage, "somebody else is dropping it", [], in_turn=True) for t in doomed]


def _reason(connection: Connection, exc: psycopg.Error) -> str:
    """Say what kept one table from being dropped. Raises `exc` again when it is about the connection."""
    if connection.broken:
        raise exc
    if isinstance(exc, errors.LockNotAvailable | errors.QueryCanceled):
        return _READ
    return exc.diag.message_primary or type(exc).__name__
