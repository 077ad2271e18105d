"""The tasks beside writing: days are made whatever becomes of dropping, and by the wall clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from ingest.days.dropping import Dropped, drop
from ingest.days.making import ensure_days
from ingest.keeping import keep
from ingest.keeping.keep import keep_dropping_days, keep_making_days, tidy
from ingest.settings import IngestSettings
from schema.runtime.asyncio_door import aio
from tests.integration.days.log_days import LOG, ago, name, reader, run, shift_clock, shifted_clock, tables
from tests.integration.ingest.events import fetch
from tests.patience import patience_s


@pytest.fixture
def settings(log_database_url: str, redis_url: str) -> IngestSettings:
    return IngestSettings.model_validate(
        {
            "redis_url": redis_url,
            "kafka_bootstrap_servers": "127.0.0.1:1",
            "log_database_url": log_database_url,
            "log_partitions_ahead": 1,
        }
    )


async def until(true: Callable[[], bool]) -> None:
    with trio.fail_after(patience_s()):
        while not true():
            await trio.sleep(0.02)


async def old_day(url: str) -> None:
    async def make() -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await ensure_days(connection, [ago(9)])

    await aio(make)


def counted(dropping: Callable[[Any, int], Awaitable[Dropped]], calls: list[Dropped]) -> Any:
    async def call(connection: Any, keep_days: int) -> Dropped:
        calls.append(await dropping(connection, keep_days))
        return calls[-1]

    return call


async def test_thirty_drops_in_a_row_that_fail_keep_no_day_from_being_made(
    asyncio_loop: Any, settings: IngestSettings, log_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Dropped] = []
    monkeypatch.setattr(keep, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(keep, "drop", counted(drop, calls))
    await old_day(log_database_url)
    with capture_logs() as logs:
        await thirty_drops_that_fail(settings, log_database_url, calls)
    assert [(line["name"], len(line["held_by"])) for line in logs if line["event"] == "partition_held_up"] == [
        (name(9), 1)
    ]


async def thirty_drops_that_fail(settings: IngestSettings, log_database_url: str, calls: list[Dropped]) -> None:
    async with trio.open_nursery() as nursery:
        with reader(log_database_url, f"SELECT count(*) FROM {name(9)}"):  # noqa: S608
            nursery.start_soon(aio, keep_dropping_days, settings)
            nursery.start_soon(aio, keep_making_days, settings)
            await until(lambda: len(calls) >= 30)
            assert all(call.left for call in calls)
            assert tables(log_database_url) == [name(9), name(0), name(-1)]
            run(log_database_url, f"ALTER TABLE {LOG} DETACH PARTITION {name(-1)}", f"DROP TABLE {name(-1)}")
            await until(lambda: name(-1) in tables(log_database_url))
            assert len(calls[-1].left) == 1
        await until(lambda: name(9) not in tables(log_database_url))
        nursery.cancel_scope.cancel()


async def test_after_a_sleep_over_midnight_the_new_day_is_made_at_the_next_look(
    asyncio_loop: Any, settings: IngestSettings, log_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The looks are half a minute apart; while a machine sleeps its wall clock goes on, and that is the one asked."""
    assert keep.LOOK_EVERY_S <= 30
    monkeypatch.setattr(keep, "LOOK_EVERY_S", 0.02)
    shifted_clock(log_database_url)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(aio, keep_making_days, settings)
        await until(lambda: tables(log_database_url) == [name(0), name(-1)])
        shift_clock(log_database_url, 40)
        await until(lambda: {name(-40), name(-41)} <= set(tables(log_database_url)))
        nursery.cancel_scope.cancel()


async def test_a_database_that_is_away_for_a_while_is_asked_again(
    asyncio_loop: Any, settings: IngestSettings, log_database_url: str
) -> None:
    server, database = log_database_url.rsplit("/", 1)
    run(f"{server}/postgres", f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(aio, keep_making_days, settings)
        await trio.testing.wait_all_tasks_blocked(0.3)
        run(f"{server}/postgres", f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
        await until(lambda: tables(log_database_url) == [name(0), name(-1)])
        nursery.cancel_scope.cancel()


async def test_dropped_days_are_remembered_for_as_long_as_an_event_of_them_may_come(
    asyncio_loop: Any, settings: IngestSettings, log_database_url: str
) -> None:
    run(log_database_url, f"INSERT INTO dropped_days VALUES ('{ago(400)}'), ('{ago(401)}')")  # noqa: S608
    await aio(tidy, settings.model_copy(update={"log_retention_days": 900}))
    assert len(fetch(log_database_url, "SELECT FROM dropped_days")) == 2
    await aio(tidy, settings)
    assert fetch(log_database_url, "SELECT day FROM dropped_days") == [(ago(400),)]
