"""Making day partitions: ahead, and when a row wants one. Asyncio code. It never waits for those who drop."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

from psycopg.sql import SQL, Identifier, Literal

from ingest.days.arithmetic import TABLE, days_from, partition_name
from ingest.days.clocks import Connection, two_days

_LOCK = 0x6E6577617270  # "newarp": the advisory lock of everybody who makes partitions
_MISSING = files("ingest").joinpath("sql", "missing_days.sql").read_bytes()


async def ensure(connection: Connection, ahead: int) -> list[str]:
    """Make what is missing of today's partition and the `ahead` next, by either clock; return the names made.

    `connection` is in autocommit mode. Safe at the same time from several places.
    """
    today = await two_days(connection)
    return await ensure_days(connection, {*days_from(today.earlier, ahead), *days_from(today.later, ahead)})


async def ensure_days(connection: Connection, days: Iterable[date]) -> list[str]:
    """Make what is missing of the partitions of these days; return the names made.

    A day that was dropped is not made again. One whose name belongs to a table that is no partition (somebody detached
    it to keep it) is left alone.

    Raises:
        psycopg.errors.LockNotAvailable: when somebody alters the log for more than five seconds; call again later.
    """
    wanted = sorted(days)
    if not await _missing(connection, wanted):
        return []
    async with connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '5s'")
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        missing = await _missing(connection, wanted)
        for day in missing:
            await _make(connection, day)
    return [partition_name(day) for day in missing]


async def _missing(connection: Connection, days: list[date]) -> list[date]:
    answer = await connection.execute(_MISSING, {"days": days, "names": [partition_name(day) for day in days]})
    return [day for (day,) in await answer.fetchall()]


async def _make(connection: Connection, day: date) -> None:
    """Make a table and attach it: CREATE … PARTITION OF would wait for all readers of the log, and hold up the rest."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    parts = {
        "name": Identifier(partition_name(day)),
        "table": Identifier(TABLE),
        "start": Literal(start.isoformat()),
        "end": Literal((start + timedelta(days=1)).isoformat()),
    }
    await connection.execute(SQL("CREATE TABLE {name} (LIKE {table} INCLUDING ALL)").format(**parts))
    await connection.execute(
        SQL("ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})").format(**parts)
    )
