"""The log's partitions, one a day, made ahead."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest
import trio

from ingest.days import clocks
from ingest.days.making import ensure, ensure_days
from schema.runtime.asyncio_door import aio
from tests.integration.days.log_days import LOG, ago, days, name, run
from tests.integration.ingest.events import fetch

Connection = psycopg.AsyncConnection[Any]


async def test_partitions_are_made_ahead_once(database: Connection) -> None:
    assert len(await aio(ensure, database, 3)) == 4
    assert await aio(ensure, database, 3) == []
    assert await days(database) == [ago(-n) for n in range(4)]


async def test_two_who_make_partitions_at_once_make_each_once(database: Connection, log_database_url: str) -> None:
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


async def test_today_has_its_partition_by_either_clock(database: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "own_day", lambda: date(2001, 9, 9))
    assert len(await aio(ensure, database, 1)) == 4
    assert await days(database) == [date(2001, 9, 9), date(2001, 9, 10), ago(0), ago(-1)]


async def test_neither_a_dropped_day_nor_one_that_somebody_detached_is_made_again(
    database: Connection, log_database_url: str
) -> None:
    await aio(ensure_days, database, [ago(2)])
    run(
        log_database_url,
        f"ALTER TABLE {LOG} DETACH PARTITION {name(2)}",
        f"INSERT INTO dropped_days VALUES ('{ago(1)}')",  # noqa: S608
    )
    assert await aio(ensure_days, database, [ago(2), ago(1), ago(0)]) == [name(0)]


async def test_a_partition_has_the_indexes_of_the_log(database: Connection, log_database_url: str) -> None:
    [made] = await aio(ensure, database, 0)
    query = "SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid = '{}'::regclass"
    [(count, valid)] = fetch(log_database_url, query.format(made))
    assert (count, valid) == (fetch(log_database_url, query.format(LOG))[0][0], True)
