"""The fixture of the tests of days: a connection as those have who make and drop them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from schema.runtime.asyncio_door import aio

Connection = psycopg.AsyncConnection[Any]


@pytest.fixture
async def database(asyncio_loop: Any, log_database_url: str) -> AsyncIterator[Connection]:
    async def connect() -> Connection:
        return await psycopg.AsyncConnection.connect(log_database_url, autocommit=True)

    connection = await aio(connect)
    yield connection
    await aio(connection.close)
