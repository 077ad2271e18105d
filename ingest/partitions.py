"""The day partitions of `message_logs`: arithmetic, making them ahead, dropping old ones, listing. Asyncio code.

The days are UTC and "today" is the database's: a service whose clock is wrong must not drop anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier, Literal

TABLE = "message_logs"
_NAME = re.compile(rf"{TABLE}_(\d{{8}})")
_LOCK = 0x6E6577617270  # "newarp": the advisory lock of everybody who makes or drops partitions
_LIST = files("ingest").joinpath("sql", "list_partitions.sql").read_bytes()

Connection = AsyncConnection[Any]


class Partition(msgspec.Struct, frozen=True):
    """One day of the log as it is in the database."""

    name: str
    day: date
    rows_estimate: int
    """PostgreSQL's own estimate; 0 until it first looked."""
    size_bytes: int
    """With its indexes."""


def partition_name(day: date) -> str:
    """Return the name of a day's partition: `message_logs_YYYYMMDD`."""
    return f"{TABLE}_{day.isoformat().replace('-', '')}"


def partition_day(name: str) -> date | None:
    """Return the day of a partition's name; None when it is not one of ours."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def days_from(today: date, ahead: int) -> list[date]:
    """Return today and the `ahead` days after it."""
    return [today + timedelta(days=n) for n in range(ahead + 1)]


def outdated(days: Iterable[date], today: date, keep_days: int) -> list[date]:
    """Return the days of which every moment is at least `keep_days` days ago."""
    return sorted(day for day in days if day < today - timedelta(days=keep_days))


async def database_day(connection: Connection) -> date:
    """Return the database's current day in UTC."""
    answer = await connection.execute("SELECT (now() AT TIME ZONE 'UTC')::date")
    row = await answer.fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    day: date = row[0]
    return day


async def list_partitions(connection: Connection) -> list[Partition]:
    """Return the partitions of the log, oldest first."""
    answer = await connection.execute(_LIST, {"table": TABLE})
    found = [(name, partition_day(name), *rest) async for name, *rest in answer]
    return [Partition(name, day, rows, size) for name, day, rows, size in found if day is not None]


async def ensure(connection: Connection, ahead: int) -> list[str]:
    """Make what is missing of today's partition and the `ahead` next; return the names made.

    `connection` is in autocommit mode. Safe at the same time from several places.
    """
    return await ensure_days(connection, days_from(await database_day(connection), ahead))


async def ensure_days(connection: Connection, days: Iterable[date]) -> list[str]:
    """Make what is missing of the partitions of these days; return the names made.

    A day whose name belongs to a table that is no partition (somebody detached it to keep it) is left alone.
    """
    made = []
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for day in sorted(days):
            name = partition_name(day)
            answer = await connection.execute("SELECT to_regclass(%s)", [name])
            if await answer.fetchone() == (None,):
                await _make(connection, name, day)
                made.append(name)
    return made


async def _make(connection: Connection, name: str, day: date) -> None:
    """Make a table and attach it: CREATE … PARTITION OF would wait for all readers of the log, and hold up the rest."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    parts = {
        "name": Identifier(name),
        "table": Identifier(TABLE),
        "start": Literal(start.isoformat()),
        "end": Literal((start + timedelta(days=1)).isoformat()),
    }
    await connection.execute(SQL("CREATE TABLE {name} (LIKE {table} INCLUDING ALL)").format(**parts))
    await connection.execute(
        SQL("ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})").format(**parts)
    )


async def drop(connection: Connection, keep_days: int) -> list[str]:
    """Drop the partitions older than `keep_days` full days; return their names.

    A plain DROP, which waits for the readers of the log, but for two seconds at most: whoever comes while it waits
    waits too. (Detaching concurrently waits for nobody, but a crash in between leaves work for a person.)

    Raises:
        psycopg.errors.LockNotAvailable: when somebody reads the log for longer; call again later.
    """
    today = await database_day(connection)
    days = [p.day for p in await list_partitions(connection)]
    names = [partition_name(day) for day in outdated(days, today, keep_days)]
    for name in names:
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '2s'")
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            await connection.execute(SQL("DROP TABLE IF EXISTS {}").format(Identifier(name)))
    return names
