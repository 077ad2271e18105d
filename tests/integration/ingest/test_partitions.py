"""The log's partitions, one a day: made ahead, and dropped when they are old."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
import trio

from ingest.partitions import drop, ensure, ensure_days, list_partitions, partition_name
from schema.runtime.asyncio_door import aio
from tests.integration.ingest.events import fetch

pytestmark = pytest.mark.both_brokers


@pytest.fixture
async def database(asyncio_loop: Any, log_database_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async def connect() -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(log_database_url, autocommit=True)

    connection = await aio(connect)
    yield connection
    await aio(connection.close)


async def days(connection: psycopg.AsyncConnection[Any]) -> list[date]:
    return [p.day for p in await aio(list_partitions, connection)]


async def test_partitions_are_made_ahead_once(database: psycopg.AsyncConnection[Any]) -> None:
    today = datetime.now(UTC).date()
    assert len(await aio(ensure, database, 3)) == 4
    assert await aio(ensure, database, 3) == []
    assert await days(database) == [today + timedelta(days=n) for n in range(4)]


async def test_two_who_make_partitions_at_once_make_each_once(
    database: psycopg.AsyncConnection[Any], log_database_url: str
) -> None:
    made: list[str] = []

    async def one() -> None:
        async def alone() -> None:
            async with await psycopg.AsyncConnection.connect(log_database_url, autocommit=True) as connection:
                made.extend(await ensure(connection, 9))

        await aio(alone)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one)
        nursery.start_soon(one)
    assert len(made) == len(set(made)) == len(await days(database)) == 10


async def test_only_days_older_than_the_retention_are_dropped(database: psycopg.AsyncConnection[Any]) -> None:
    today = datetime.now(UTC).date()
    await aio(ensure_days, database, [today - timedelta(days=n) for n in range(12)])
    dropped = await aio(drop, database, 7)
    assert dropped == [partition_name(today - timedelta(days=n)) for n in (11, 10, 9, 8)]
    assert await days(database) == [today - timedelta(days=n) for n in range(7, -1, -1)]


async def test_a_partition_has_the_indexes_of_the_log(
    database: psycopg.AsyncConnection[Any], log_database_url: str
) -> None:
    [name] = await aio(ensure, database, 0)
    query = "SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid = '{}'::regclass"
    [(of_the_log, _)] = fetch(log_database_url, query.format("message_logs"))
    assert of_the_log > 5
    assert fetch(log_database_url, query.format(name)) == [(of_the_log, True)]
