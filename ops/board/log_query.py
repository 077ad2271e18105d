"""Asking a database one question, with a connection of its own: the service asks few."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from schema.runtime.asyncio_door import aio_or_leave


async def query(url: str, statement: str, params: dict[str, Any] | None = None) -> list[DictRow]:
    """Return the rows of one statement. The caller bounds the time.

    Raises:
        psycopg.Error: or OSError, when the database is away or refuses. Texts may hold parts of the address.
    """
    return await aio_or_leave(_query, url, statement, params)


async def _query(url: str, statement: str, params: dict[str, Any] | None) -> list[DictRow]:
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=None)
    async with connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement.encode(), params)
        return await cursor.fetchall()
