"""Old days go whoever reads them, in steps that anybody can go on with, and what a person detached stays."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
import trio
import trio.lowlevel

from ingest.days import clocks
from ingest.days.clocks import own_day
from ingest.days.dropping import drop
from ingest.days.listing import MARK, list_doomed
from ingest.days.making import ensure_days
from schema.runtime.asyncio_door import aio
from tests.integration.days.log_days import (
    INSERT,
    LOG,
    ago,
    days,
    name,
    reader,
    run,
    shift_clock,
    shifted_clock,
    tables,
)
from tests.integration.ingest.events import fetch
from tests.patience import patience_s

Connection = psycopg.AsyncConnection[Any]


async def names_dropped(database: Connection, keep_days: int = 7) -> list[str]:
    done = await aio(drop, database, keep_days)
    assert done.left == []
    return done.names


async def until_detaching(url: str) -> int:
    """Wait for a DETACH that waits; return its backend's process id."""
    query = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%CONCURRENTLY%' AND wait_event_type = 'Lock'"
    with trio.fail_after(patience_s()):
        while not (found := fetch(url, f"{query} AND datname = current_database()")):
            await trio.sleep(0.01)
    return int(found[0][0])


async def test_only_days_older_than_the_retention_are_dropped_and_noted(
    database: Connection, log_database_url: str
) -> None:
    await aio(ensure_days, database, [ago(n) for n in range(12)])
    assert await names_dropped(database) == [name(n) for n in (11, 10, 9, 8)]
    assert await days(database) == [ago(n) for n in range(7, -1, -1)]
    assert tables(log_database_url) == [name(n) for n in range(7, -1, -1)]
    noted = fetch(log_database_url, "SELECT day FROM dropped_days ORDER BY 1")
    assert noted == [(ago(n),) for n in (11, 10, 9, 8)]
    assert await names_dropped(database) == []


async def test_a_shorter_retention_drops_and_a_longer_one_brings_nothing_back(database: Connection) -> None:
    await aio(ensure_days, database, [ago(n) for n in range(5)])
    assert await names_dropped(database, 30) == []
    assert await names_dropped(database, 2) == [name(4), name(3)]
    assert await aio(ensure_days, database, [ago(n) for n in range(5)]) == []
    assert await names_dropped(database, 30) == []


async def test_with_a_reader_that_stays_nobody_waits_and_the_day_goes_after_its_end(
    database: Connection, log_database_url: str
) -> None:
    """That nobody waits is seen by a time limit of theirs for waiting at locks, which PostgreSQL keeps."""
    await aio(ensure_days, database, [ago(9), ago(8), ago(0)])
    done = []

    async def dropping() -> None:
        done.append(await aio(drop, database, 7))

    impatient = psycopg.connect(log_database_url, autocommit=True, options="-c lock_timeout=200")
    with reader(log_database_url) as other, impatient:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(dropping)
            await until_detaching(log_database_url)
            while not done:
                impatient.execute(INSERT.format("now()").encode())
                impatient.execute(b"SELECT count(*) FROM message_logs")
                await trio.sleep(0.02)
        for _ in range(3):
            [first, second] = (await aio(drop, database, 7)).left
            assert (first.name, first.stage, first.why) == (name(9), "detaching", "it is still read")
            assert [(h.pid, h.application) for h in first.held_by] == [(other.info.backend_pid, "long reader")]
            assert (second.name, second.stage, second.why) == (name(8), "marked", f"waits for {name(9)}")
        assert await days(database) == [ago(0)]
        impatient.execute(INSERT.format("now()").encode())
        with pytest.raises(psycopg.errors.CheckViolation):
            impatient.execute(INSERT.format("now() - interval '9 days'").encode())
    assert await names_dropped(database) == [name(9), name(8)]
    assert tables(log_database_url) == [name(0)]


async def test_a_day_can_be_attached_at_once_while_another_waits_to_be_dropped(
    database: Connection, log_database_url: str
) -> None:
    """PostgreSQL's last step of detaching, begun while somebody reads the day, would keep it from that."""
    await aio(ensure_days, database, [ago(9)])
    looks = 0

    async def drop_on(scope: trio.CancelScope) -> None:
        nonlocal looks
        while looks < 10:
            assert (await aio(drop, database, 7)).left
            looks += 1
        scope.cancel()

    impatient = psycopg.connect(log_database_url, autocommit=True, options="-c lock_timeout=200")
    with reader(log_database_url), impatient:
        assert (await aio(drop, database, 7)).left
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drop_on, nursery.cancel_scope)
            for ahead in range(200):
                attach = f"ATTACH PARTITION {name(-ahead)} FOR VALUES FROM ('{ago(-ahead)}') TO ('{ago(-ahead - 1)}')"
                impatient.execute(f"CREATE TABLE {name(-ahead)} (LIKE {LOG})".encode())
                impatient.execute(f"ALTER TABLE {LOG} {attach}".encode())
                await trio.lowlevel.checkpoint()
    assert looks == 10


async def test_an_old_snapshot_of_another_table_holds_up_nobody_but_the_drop(
    database: Connection, log_database_url: str
) -> None:
    await aio(ensure_days, database, [ago(9)])
    with reader(log_database_url) as first:
        assert (await aio(drop, database, 7)).left
        with psycopg.connect(log_database_url, application_name="dump") as other:
            other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            other.execute("SELECT count(*) FROM runs")
            first.rollback()
            fetch(log_database_url, "SELECT 1 FROM pg_sleep(2.1)")  # the age from which it is asked for
            [left] = (await aio(drop, database, 7)).left
            assert [h.application for h in left.held_by] == ["dump"]
    assert await names_dropped(database) == [name(9)]


async def test_a_drop_killed_while_it_detaches_is_finished_by_a_later_one(
    database: Connection, log_database_url: str
) -> None:
    await aio(ensure_days, database, [ago(9)])

    async def killed() -> None:
        async def alone() -> None:
            async with await psycopg.AsyncConnection.connect(log_database_url, autocommit=True) as connection:
                await drop(connection, 7)

        with pytest.raises(psycopg.OperationalError):
            await aio(alone)

    with reader(log_database_url):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(killed)
            pid = await until_detaching(log_database_url)
            fetch(log_database_url, f"SELECT pg_terminate_backend({pid})")
        assert [(t.stage, t.marked) for t in await aio(list_doomed, database)] == [("detaching", True)]
    assert await names_dropped(database, 3650) == [name(9)]  # once begun it is finished, whatever is kept now


@pytest.mark.parametrize("stage", ["marked", "detached"])
async def test_a_drop_that_stopped_between_two_steps_is_finished(
    database: Connection, log_database_url: str, stage: str
) -> None:
    await aio(ensure_days, database, [ago(9)])
    run(log_database_url, f"COMMENT ON TABLE {name(9)} IS $${MARK} …$$")
    if stage == "detached":
        run(log_database_url, f"ALTER TABLE {LOG} DETACH PARTITION {name(9)}")
    assert [t.stage for t in await aio(list_doomed, database)] == [stage]
    assert await days(database) == []
    assert await names_dropped(database, 3650) == [name(9)]


async def test_what_a_person_detached_stays(database: Connection, log_database_url: str) -> None:
    await aio(ensure_days, database, [ago(n) for n in (12, 11, 10, 9)])
    run(
        log_database_url,
        f"ALTER TABLE {LOG} DETACH PARTITION {name(12)}",
        f"ALTER TABLE {LOG} DETACH PARTITION {name(11)}",
        f"COMMENT ON TABLE {name(11)} IS 'for the auditors'",
        f"COMMENT ON TABLE {name(10)} IS $${MARK}$$",  # begun by us, then somebody made it part of something else
        f"ALTER TABLE {LOG} DETACH PARTITION {name(10)}",
        "CREATE TABLE kept (LIKE message_logs) PARTITION BY RANGE (sent_at)",
        f"ALTER TABLE kept ATTACH PARTITION {name(10)} FOR VALUES FROM ('{ago(10)}') TO ('{ago(9)}')",
    )
    assert await names_dropped(database) == [name(9)]
    assert tables(log_database_url) == [name(n) for n in (12, 11, 10)]


async def test_what_a_person_half_detached_is_detached_and_stays(database: Connection, log_database_url: str) -> None:
    await aio(ensure_days, database, [ago(9), ago(1)])
    with reader(log_database_url), psycopg.connect(log_database_url, autocommit=True) as person:
        person.execute("SET lock_timeout = '10ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            person.execute(f"ALTER TABLE {LOG} DETACH PARTITION {name(1)} CONCURRENTLY".encode())
        [mine, ours] = (await aio(drop, database, 7)).left
        assert (mine.name, ours.why) == (name(1), f"waits for {name(1)}")
    assert await names_dropped(database) == [name(9)]
    assert tables(log_database_url) == [name(1)]
    assert await days(database) == []


async def test_a_default_partition_is_said_to_be_in_the_way(database: Connection, log_database_url: str) -> None:
    await aio(ensure_days, database, [ago(9)])
    run(log_database_url, f"CREATE TABLE rest PARTITION OF {LOG} DEFAULT")
    [left] = (await aio(drop, database, 7)).left
    assert (left.stage, left.ends_by_itself, "default partition" in left.why) == ("marked", False, True)
    run(log_database_url, "DROP TABLE rest")
    assert await names_dropped(database) == [name(9)]


async def test_a_table_that_cannot_be_dropped_keeps_no_other_from_it(
    database: Connection, log_database_url: str
) -> None:
    await aio(ensure_days, database, [ago(10), ago(9)])
    run(log_database_url, f"CREATE VIEW mine AS SELECT * FROM {name(10)}")  # noqa: S608
    done = await aio(drop, database, 7)
    assert done.names == [name(9)]
    assert [(left.name, left.stage) for left in done.left] == [(name(10), "detached")]
    assert "because other objects depend on it" in done.left[0].why
    run(log_database_url, "DROP VIEW mine")
    assert await names_dropped(database) == [name(10)]


async def test_several_who_drop_at_once_do_not_hinder_each_other(database: Connection, log_database_url: str) -> None:
    await aio(ensure_days, database, [ago(n) for n in range(8, 12)])
    done = []

    async def one() -> None:
        async def alone() -> None:
            async with await psycopg.AsyncConnection.connect(log_database_url, autocommit=True) as connection:
                done.append(await drop(connection, 7))

        await aio(alone)

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(one)
    dropped = [one for d in done for one in d.names] + await names_dropped(database)
    assert sorted(dropped) == [name(n) for n in (11, 10, 9, 8)]
    assert [left for d in done for left in d.left if not left.ends_by_itself] == []
    assert tables(log_database_url) == []


@pytest.mark.parametrize("whose", ["database", "own"])
async def test_a_clock_that_is_far_ahead_drops_nothing(
    asyncio_loop: Any, log_database_url: str, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    shifted_clock(log_database_url)

    async def make_and_drop() -> list[str]:
        async with await psycopg.AsyncConnection.connect(log_database_url, autocommit=True) as connection:
            await ensure_days(connection, [ago(n) for n in range(10)])
            if whose == "database":
                shift_clock(log_database_url, 4000)
            else:
                monkeypatch.setattr(clocks, "own_day", lambda: date(2099, 1, 1))
            today = await clocks.two_days(connection)
            assert (today.disagree, today.earlier) == (True, ago(0))
            assert today.later > ago(-3000)
            return (await drop(connection, 7)).names

    assert await aio(make_and_drop) == [name(9), name(8)]


def test_clocks_on_two_sides_of_midnight_agree() -> None:
    today = own_day()
    assert not clocks.TwoDays(today, today + timedelta(days=1)).disagree
    assert clocks.TwoDays(today, today - timedelta(days=2)).disagree
