"""Days of the message log filled with rows as quickly as Postgres can: the indexes come when the table is attached."""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.sql import SQL, Composed, Identifier, Literal

from ingest.days.arithmetic import days_from, partition_name
from ingest.days.clocks import database_day
from ingest.days.making import ensure_days
from schema.migrate import migrate

AHEAD = 30
"""As many empty days as an ingest makes."""


async def open_days(url: str, filled: int) -> date:
    """Make schema and partitions, but not those of the `filled` days before today; return today. Asyncio code."""
    await migrate(url)
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        today = await database_day(connection)
        before = [today - timedelta(days=filled + n) for n in range(1, 6)]
        await ensure_days(connection, before + days_from(today, AHEAD))
        return today


def fill_day(connection: psycopg.Connection[Any], day: date, rows: int) -> None:
    """Add the partition of a day with so many rows. `connection` is in autocommit mode. Blocks."""
    names = {"partition": Identifier(partition_name(day)), "from_": _midnight(day), "to": _midnight(day + timedelta(1))}
    connection.execute("SELECT setseed(0)")  # the same rows every time
    with connection.transaction():
        connection.execute(SQL("CREATE TABLE {partition} (LIKE message_logs INCLUDING DEFAULTS)").format(**names))
        connection.execute(_rows(day, rows))
        connection.execute(
            SQL("ALTER TABLE message_logs ATTACH PARTITION {partition} FOR VALUES FROM ({from_}) TO ({to})").format(
                **names
            )
        )
    connection.execute(SQL("VACUUM ANALYZE {partition}").format(**names))


def _rows(day: date, rows: int) -> Composed:
    text: Any = files("ops.bench").joinpath("log_day.sql").read_text("utf-8")  # ours: as good as a literal
    return SQL(text).format(
        table=Identifier(partition_name(day)), day=Literal(day.isoformat()), rows=Literal(max(rows, 1))
    )


def _midnight(day: date) -> Literal:
    return Literal(f"{day.isoformat()}T00:00:00+00:00")
