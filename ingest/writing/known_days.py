"""Which days the log can take rows of. Asyncio."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec

from ingest.days.clocks import Connection, two_days
from ingest.days.listing import list_partitions
from ingest.days.making import ensure_days
from ingest.writing.batch import Batch
from ingest.writing.rows import DeadLetter, Row, refused

_DROPPED = b"SELECT day FROM dropped_days WHERE day = ANY (%(days)s)"


class Dated(msgspec.Struct):
    """A batch's rows by what their days are."""

    rows: Sequence[Row]
    """Which the log can take."""
    too_old: int
    """Of days that it keeps no longer: so many, and nothing else is kept of them."""
    impossible: Sequence[DeadLetter]


class KnownDays:
    """The days that have a partition, as far as we looked; makes those that are missing."""

    def __init__(self, *, keep_days: int) -> None:
        self._keep = timedelta(days=keep_days)
        self._have: set[date] = set()
        self._too_old: set[date] = set()

    def forget(self) -> None:
        """Look anew at the next rows."""
        self._have.clear()
        self._too_old.clear()

    async def sort(self, connection: Connection, batch: Batch) -> Dated:
        """Sort a batch's rows by their days. Errors: psycopg.Error."""
        rows = batch.rows
        days = batch.days
        if not days <= self._have | self._too_old:
            await self._learn(connection, days)
        if days <= self._have:
            return Dated(rows, 0, ())
        known = self._have | self._too_old
        return Dated(
            [row for row in rows if row.day in self._have],
            sum(row.day in self._too_old for row in rows),
            [_impossible(row) for row in rows if row.day not in known],
        )

    async def _learn(self, connection: Connection, days: Iterable[date]) -> None:
        """No row is taken of a day after tomorrow, though it has a partition. The kinder of two clocks counts."""
        today = await two_days(connection)
        oldest, newest = today.earlier - self._keep, today.later + timedelta(days=1)
        have = {p.day for p in await list_partitions(connection)}
        answer = await connection.execute(_DROPPED, {"days": list(days)})
        dropped = {day for (day,) in await answer.fetchall()}
        if missing := [day for day in days if oldest <= day <= newest and day not in have | dropped]:
            await ensure_days(connection, missing)
            have = {p.day for p in await list_partitions(connection)}
        self._have = {day for day in have - dropped if day <= newest}
        self._too_old = {day for day in days if day < oldest or day in dropped} - self._have


def _impossible(row: Row) -> DeadLetter:
    what = "is more than a day ahead, or a table that is no partition has the name of that day's"
    return refused(row, f"sent_at {row.sent_at.isoformat()} {what}", f"sent_at {what}")
