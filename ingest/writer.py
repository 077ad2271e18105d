"""Writes a batch: rows, dead letters and offsets in one Postgres transaction. Asyncio; reads nothing of the topic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection, DataError, IntegrityError, errors
from psycopg.sql import SQL, Identifier

from ingest.batch import Batch
from ingest.partitions import Connection, database_day, ensure_days, list_partitions
from ingest.rows import COLUMNS, DeadLetter, Row, refused

_CONNECT: dict[str, Any] = {  # a server that vanished without a word is noticed within ten seconds
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_REFUSALS = (DataError, IntegrityError, errors.ProgramLimitExceeded)
"""What Postgres answers because of a row, not because of itself."""


def _sql(name: str) -> bytes:
    return files("ingest").joinpath("sql", f"{name}.sql").read_bytes()


_MAKE_STAGE, _MOVE_OFFSETS, _READ_OFFSETS, _BEGIN_OFFSETS, _BURY = map(
    _sql, ("make_stage", "move_offsets", "read_offsets", "begin_offsets", "bury")
)
_INSERT_ROWS: Any = _sql("insert_rows").decode()  # ours: as good as a literal
_COLUMNS = SQL(", ").join(map(Identifier, COLUMNS))
_COPY = SQL("COPY message_log_stage ({}) FROM STDIN").format(_COLUMNS)
_INSERT = SQL(_INSERT_ROWS).format(columns=_COLUMNS)


class Log(msgspec.Struct, frozen=True):
    """One life of the topic: a broker that was set up anew has another cluster id and begins at offset 0."""

    cluster_id: str
    topic: str


class Written(msgspec.Struct, frozen=True):
    """What a batch became."""

    rows: int
    """New rows; events that were there already are not counted."""
    dead_letters: int


class OffsetsMoved(Exception):
    """Somebody else has written these offsets: what was read is worth nothing, read the table again."""


class Writer:
    """One connection to the log database, opened when needed.

    Every method raises psycopg.Error when the database is away or unwilling; nothing is half done then and the
    next call connects anew.
    """

    def __init__(self, url: str, *, keep_days: int, ahead_days: int) -> None:
        self._url = url
        self._keep_days = keep_days
        self._ahead_days = ahead_days
        self._connection: Connection | None = None
        self._failed = False
        self._days: set[date] = set()

    async def next_offsets(self, log: Log, partitions: Iterable[int]) -> dict[int, int]:
        """Return partition -> next offset, for those partitions that have been begun."""
        values = {**_names(log), "partitions": list(partitions)}
        async with self._connected() as connection:
            answer = await connection.execute(_READ_OFFSETS, values)
            return dict(await answer.fetchall())

    async def begin(self, log: Log, starts: dict[int, int]) -> None:
        """Note where partitions that nobody has begun yet are to be read from."""
        values = {**_names(log), "partitions": list(starts), "next": list(starts.values())}
        async with self._connected() as connection:
            await connection.execute(_BEGIN_OFFSETS, values)

    async def write(self, log: Log, batch: Batch) -> Written:
        """Write a batch, all or nothing.

        Raises:
            OffsetsMoved: when another member has written some of it; nothing was written then.
        """
        async with self._connected() as connection:
            try:
                return await self._write(connection, log, batch)
            except errors.CheckViolation:  # a partition that we knew was dropped meanwhile
                self._days.clear()
                return await self._write(connection, log, batch)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        """After an error the next one is new: this may lack its stage, or be read only for as long as it lives."""
        try:
            yield await self._connect()
        except psycopg.Error:
            self._failed = True
            raise

    async def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed or self._failed:
            await self.close()
            self._connection = await AsyncConnection.connect(self._url, autocommit=True, **_CONNECT)
            await self._connection.execute(_MAKE_STAGE)
            self._failed = False
            self._days.clear()
        return self._connection

    async def _write(self, connection: Connection, log: Log, batch: Batch) -> Written:
        await self._learn_days(connection, {row.day for row in batch.rows})
        rows = [row for row in batch.rows if row.day in self._days]
        dead = [*batch.dead, *(self._without_partition(row) for row in batch.rows if row.day not in self._days)]
        async with connection.transaction():
            await _move_offsets(connection, log, batch)
            stored, bad = await _store(connection, rows)
            await _bury(connection, log, [*dead, *bad])
        return Written(stored, len(dead) + len(bad))

    async def _learn_days(self, connection: Connection, days: set[date]) -> None:
        """Know the partitions there are; make those of sane days that are missing."""
        if days <= self._days:
            return
        self._days = {p.day for p in await list_partitions(connection)}
        today = await database_day(connection)
        oldest, newest = today - timedelta(days=self._keep_days), today + timedelta(days=self._ahead_days)
        if missing := [day for day in days - self._days if oldest <= day <= newest]:
            await ensure_days(connection, missing)
            self._days = {p.day for p in await list_partitions(connection)}

    def _without_partition(self, row: Row) -> DeadLetter:
        return refused(
            row,
            f"sent_at {row.sent_at.isoformat()} is in no partition, and none is made for a day more than "
            f"{self._keep_days} days ago, more than {self._ahead_days} days ahead, or whose name another table has",
        )


def _names(log: Log) -> dict[str, Any]:
    return {"cluster_id": log.cluster_id, "topic": log.topic}


async def _move_offsets(connection: Connection, log: Log, batch: Batch) -> None:
    partitions = sorted(batch.next)
    values = {
        **_names(log),
        "partitions": partitions,
        "first": [batch.first[p] for p in partitions],
        "next": [batch.next[p] for p in partitions],
    }
    moved = await connection.execute(_MOVE_OFFSETS, values)
    if moved.rowcount != len(partitions):
        raise OffsetsMoved


async def _store(connection: Connection, rows: Sequence[Row]) -> tuple[int, list[DeadLetter]]:
    """Put rows into the log; return how many were new, and those that Postgres refused, found by halving."""
    if not rows:
        return 0, []
    try:
        async with connection.transaction():
            return await _copy(connection, rows), []
    except errors.CheckViolation:
        raise
    except _REFUSALS as exc:
        if len(rows) == 1:
            return 0, [refused(rows[0], f"refused by the database: {exc.diag.message_primary or exc}")]
    middle = len(rows) // 2
    stored, bad = await _store(connection, rows[:middle])
    more, worse = await _store(connection, rows[middle:])
    return stored + more, bad + worse


async def _copy(connection: Connection, rows: Sequence[Row]) -> int:
    async with connection.cursor() as cursor:
        async with cursor.copy(_COPY) as copy:
            await copy.write("".join([row.line for row in rows]))
        await cursor.execute(_INSERT)  # what an earlier half left on the stage is there already, so it changes nothing
        return cursor.rowcount


async def _bury(connection: Connection, log: Log, dead: Sequence[DeadLetter]) -> None:
    if not dead:
        return
    values = {
        **_names(log),
        "partitions": [d.partition for d in dead],
        "offsets": [d.offset for d in dead],
        "raws": [d.raw for d in dead],
        "reasons": [d.reason for d in dead],
    }
    await connection.execute(_BURY, values)
