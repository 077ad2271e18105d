"""Writes batches into the log: rows, figures, dead letters and offsets in one Postgres transaction each. Asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import AsyncConnection

from ingest.writing.batch import Batch
from ingest.writing.copy_rows import Connection
from ingest.writing.known_days import KnownDays
from ingest.writing.refusals import no_partition
from ingest.writing.stop_share import StopShare
from ingest.writing.transaction import PartitionOffset, Transaction, Written
from schema.topic import Log

_CONNECT: dict[str, Any] = {  # a server that vanished without a word is noticed within ten seconds
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "client_encoding": "UTF8",  # whatever the environment or the role says
    "prepare_threshold": None,  # behind a pooler each transaction may meet another server process
}
_READ_OFFSETS, _BEGIN_OFFSETS, _ADOPT_OFFSETS, _RESTART_OFFSETS, _PASSED_OFFSETS, _FORMER_LIVES = (
    files("ingest").joinpath("sql", f"{name}.sql").read_bytes()
    for name in (
        "read_offsets", "begin_offsets", "adopt_offsets", "restart_offsets", "passed_offsets", "former_lives",
    )
)  # fmt: skip


class Writer:
    """One connection to the log database, opened when needed.

    Every method raises psycopg.Error when the database is away or unwilling; nothing is half done then and the
    next call connects anew.
    """

    def __init__(self, url: str, *, keep_days: int, stop_share: float = 1.0) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._broken = False
        self._days = KnownDays(keep_days=keep_days)
        self._share = StopShare(stop_share)

    async def next_offsets(self, log: Log, partitions: Iterable[int]) -> dict[int, int]:
        """Return partition -> next offset, for those partitions that have been begun."""
        values = {**log.names, "partitions": list(partitions)}
        async with self._connected() as connection:
            answer = await connection.execute(_READ_OFFSETS, values)
            return dict(await answer.fetchall())

    async def begin(self, log: Log, starts: dict[int, int]) -> None:
        """Note where partitions that nobody has begun yet are to be read from."""
        values = {**log.names, "partitions": list(starts), "next": list(starts.values())}
        async with self._connected() as connection:
            await connection.execute(_BEGIN_OFFSETS, values)

    async def adopt(self, log: Log, partitions: Iterable[int]) -> None:
        """Take over what was noted of partitions without a topic id, where nobody has done so before."""
        async with self._connected() as connection:
            await connection.execute(_ADOPT_OFFSETS, {**log.names, "partitions": list(partitions)})

    async def restart(self, log: Log, firsts: dict[int, int]) -> None:
        """Note that partitions are read from these offsets again."""
        values = {**log.names, "partitions": list(firsts), "first": list(firsts.values())}
        async with self._connected() as connection, connection.transaction():
            await connection.execute("SELECT set_config('newar.keeps_figures', 'yes', true)")
            await connection.execute(_RESTART_OFFSETS, values)

    async def passed(self, log: Log, partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
        """Return partition -> next offset and when it was noted (ms), of those that were noted without a topic id."""
        async with self._connected() as connection:
            answer = await connection.execute(_PASSED_OFFSETS, {**log.names, "partitions": list(partitions)})
            return {partition: (offset, at_ms) for partition, offset, at_ms in await answer.fetchall()}

    async def former_lives(self, log: Log, partitions: Iterable[int]) -> list[str]:
        """Return the ids of other lives of the topic, on this cluster, of which these partitions were read."""
        async with self._connected() as connection:
            answer = await connection.execute(_FORMER_LIVES, {**log.names, "partitions": list(partitions)})
            return [topic_id for (topic_id,) in await answer.fetchall()]

    async def write(self, log: Log, batch: Batch) -> Written:
        """Write a batch and move the offsets, all or nothing.

        Raises:
            OffsetsMoved: when another member has written some of it; nothing was written then.
            TooManyRefused: when so many events are refused that the fault is not theirs; nothing was written then.
        """
        return await self._write(log, batch, moves_offsets=True)

    async def write_beside(self, log: Log, batch: Batch, *, redriven: Collection[PartitionOffset] = ()) -> Written:
        """Write a batch without moving offsets: what is read a second time, or lay among the dead letters.

        Args:
            log: the life of the topic that it is of.
            batch: its offsets do not count.
            redriven: the dead letters that these are; they go, but those that are refused again stay as they are.

        Raises:
            TooManyRefused: as write.
        """
        return await self._write(log, batch, moves_offsets=False, redriven=redriven)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()

    async def _write(
        self, log: Log, batch: Batch, *, moves_offsets: bool, redriven: Collection[PartitionOffset] = ()
    ) -> Written:
        async with self._connected() as connection:
            transaction = Transaction(
                connection, log, batch, self._share, moves_offsets=moves_offsets, redriven=redriven
            )
            try:
                written = await transaction.write(await self._days.sort(connection, batch))
            except psycopg.Error as exc:
                if not no_partition(exc):
                    raise
                self._days.forget()  # a day that we knew was dropped just now
                written = await transaction.write(await self._days.sort(connection, batch))
        self._share.note(len(batch), written.dead_letters - written.conflicting)
        return written

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        """After an error the next one is new: this may be read only for as long as it lives, or stand in a COPY."""
        if self._connection is None or self._connection.closed or self._broken:
            await self.close()
            self._connection = await AsyncConnection.connect(self._url, autocommit=True, **_CONNECT)
            self._days.forget()
        self._broken = True
        yield self._connection
        self._broken = False
