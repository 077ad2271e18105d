"""A few connections to the log database that are kept between questions: opening one costs more than most answers."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import trio
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from schema.runtime.asyncio_door import aio, aio_or_leave

MOST = 4
"""Questions at a time; who comes then waits for a turn."""
KEPT_FOR_S = 60.0
"""After a change of the server behind the address, nobody asks the old one for longer."""


class KeptConnections:
    """Answers statements that only read: one that meets a connection of a server that has gone is asked once more.

    A Trio object; its connections live in the asyncio loop.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._turns = trio.Semaphore(MOST)
        self._idle: list[tuple[AsyncConnection[DictRow], float]] = []
        """With the moment until which each is kept; the one used last comes last."""

    async def ask(self, statement: str, params: dict[str, Any] | None = None) -> list[DictRow]:
        """Return the rows of one statement. The caller bounds the time.

        Raises:
            psycopg.Error: or OSError, when the database is away or refuses. Texts may hold parts of the address.
        """
        async with self._turns:
            rows: list[DictRow] = await aio_or_leave(self._ask, statement, params)
            return rows

    async def close(self) -> None:
        """Close what is kept. Questions may still be asked."""
        await aio(self._close_idle)

    async def _ask(self, statement: str, params: dict[str, Any] | None) -> list[DictRow]:
        while self._idle:
            connection, until = self._idle.pop()
            if until < time.monotonic():
                await connection.close()
                continue
            try:
                return await self._rows(connection, until, statement, params)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                if not connection.broken:  # the server answers, and refuses the statement
                    raise
        connection = await AsyncConnection[DictRow].connect(
            self._url, autocommit=True, prepare_threshold=None, row_factory=dict_row
        )
        return await self._rows(connection, time.monotonic() + KEPT_FOR_S, statement, params)

    async def _rows(
        self, connection: AsyncConnection[DictRow], until: float, statement: str, params: dict[str, Any] | None
    ) -> list[DictRow]:
        try:
            cursor = await connection.execute(statement.encode(), params)
            rows = await cursor.fetchall()
        except psycopg.Error:
            if not connection.closed:  # it refused the statement
                self._idle.append((connection, until))
            raise
        except BaseException:  # cancelled: what it is in the middle of, nobody knows
            await connection.close()  # noqa: ASYNC102 - asyncio side, where a cancellation is delivered once
            raise
        self._idle.append((connection, until))
        return rows

    async def _close_idle(self) -> None:
        while self._idle:
            connection, _ = self._idle.pop()
            await connection.close()
