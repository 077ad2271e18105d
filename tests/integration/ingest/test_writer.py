"""The writer alone: one batch, one transaction."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import trio
from psycopg import errors

from ingest.days.arithmetic import partition_name
from ingest.days.making import ensure
from ingest.writing import transaction
from ingest.writing.rows import read_message
from ingest.writing.transaction import OffsetsMoved
from ingest.writing.writer import Writer
from schema.runtime.asyncio_door import aio
from tests.integration.ingest.events import (
    LOG,
    batch,
    event,
    fetch,
    figures,
    recipients,
    recount,
    until,
    waits_for_the_dead_letters,
)
from tests.patience import patience_s

pytestmark = pytest.mark.both_brokers


async def test_an_event_consumed_twice_is_one_row(writer: Writer, log_database_url: str) -> None:
    events = [event(n) for n in range(5)]
    first = await aio(writer.write, LOG, batch(0, 0, [*events, events[0]]))
    again = await aio(writer.write, LOG, batch(1, 0, events))
    assert (first.rows, first.repeated, again.rows, again.repeated) == (5, 1, 0, 5)
    assert recipients(log_database_url) == [0, 1, 2, 3, 4]
    assert await aio(writer.next_offsets, LOG, [0, 1]) == {0: 6, 1: 5}
    assert figures(log_database_url) == recount(log_database_url)


async def test_one_who_stands_still_in_the_middle_of_a_batch_is_noticed(
    writer: Writer, log_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "LONGEST_WAIT_MS", 50)
    with psycopg.connect(log_database_url) as still:
        still.execute("SELECT pg_advisory_xact_lock(hashtext(%s), 0)", [LOG.topic])
        with pytest.raises(errors.LockNotAvailable), trio.fail_after(patience_s()):
            await aio(writer.write, LOG, batch(0, 0, [event(1)]))
    assert (await aio(writer.write, LOG, batch(0, 0, [event(1)]))).rows == 1


async def test_a_batch_whose_offsets_somebody_else_moved_leaves_no_row(writer: Writer, log_database_url: str) -> None:
    mine, theirs = batch(0, 0, [event(1), event(2)]), batch(0, 0, [event(3)])
    mine.add(1, (0, 1), [read_message(1, 0, event(4))], 0.0)
    await aio(writer.write, LOG, theirs)
    with pytest.raises(OffsetsMoved):
        await aio(writer.write, LOG, mine)
    assert recipients(log_database_url) == [3]
    assert await aio(writer.next_offsets, LOG, [0, 1]) == {0: 1, 1: 0}


async def test_wrong_messages_become_dead_letters_and_the_rest_rows(writer: Writer, log_database_url: str) -> None:
    values = [event(1), b"\xff\0 no event", event(2), event(3).replace(b'"sent"', b'"lost"')]
    written = await aio(writer.write, LOG, batch(0, 0, values))
    assert (written.rows, written.dead_letters) == (2, 2)
    assert recipients(log_database_url) == [1, 2]
    dead = fetch(log_database_url, 'SELECT "offset", raw, reason FROM message_log_dead_letters ORDER BY 1')
    assert [(offset, bytes(raw)) for offset, raw, _ in dead] == [(1, values[1]), (3, values[3])]
    assert all(reason for *_, reason in dead)


async def test_events_on_both_sides_of_midnight_go_into_their_own_days(writer: Writer, log_database_url: str) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    before, after = event(1, midnight - timedelta(microseconds=1)), event(2, midnight)
    await aio(writer.write, LOG, batch(0, 0, [before, after]))
    rows = fetch(log_database_url, "SELECT recipient_id, tableoid::regclass::text FROM message_logs ORDER BY 1")
    yesterday, today = midnight.date() - timedelta(days=1), midnight.date()
    assert rows == [("1", partition_name(yesterday)), ("2", partition_name(today))]


async def test_a_day_that_is_not_kept_any_more_is_counted_and_one_far_ahead_a_dead_letter(
    writer: Writer, log_database_url: str
) -> None:
    now = datetime.now(UTC)
    far = [event(1, now - timedelta(days=9)), event(2, now + timedelta(days=2)), event(3, now)]
    written = await aio(writer.write, LOG, batch(0, 0, far))
    assert (written.rows, written.too_old, written.dead_letters) == (1, 1, 1)
    assert recipients(log_database_url) == [3]
    assert "more than a day ahead" in fetch(log_database_url, "SELECT reason FROM message_log_dead_letters")[0][0]


async def test_a_day_more_than_one_ahead_is_refused_though_it_has_a_partition(
    writer: Writer, log_database_url: str
) -> None:
    async def make() -> None:
        async with await psycopg.AsyncConnection.connect(log_database_url, autocommit=True) as connection:
            await ensure(connection, 5)

    await aio(make)
    later = datetime.now(UTC) + timedelta(days=2)
    assert (await aio(writer.write, LOG, batch(0, 0, [event(1, later)]))).dead_letters == 1


async def test_a_day_that_was_dropped_is_not_made_again(writer: Writer, log_database_url: str) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO dropped_days (day) VALUES (%s)", [yesterday.date()])
    written = await aio(writer.write, LOG, batch(0, 0, [event(1, yesterday), event(2)]))
    assert (written.rows, written.too_old) == (1, 1)
    assert figures(log_database_url) == recount(log_database_url)


async def test_a_detached_day_is_left_alone(writer: Writer, log_database_url: str) -> None:
    name = partition_name(datetime.now(UTC).date())
    await aio(writer.write, LOG, batch(0, 0, [event(1)]))
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE message_logs DETACH PARTITION {name}".encode())
    written = await aio(writer.write, LOG, batch(0, 1, [event(2)]))
    assert (written.rows, written.dead_letters) == (0, 1)
    assert fetch(log_database_url, f"SELECT recipient_id FROM {name}") == [("1",)]  # noqa: S608


async def test_a_partition_dropped_behind_the_writers_back_is_made_again(writer: Writer, log_database_url: str) -> None:
    await aio(writer.write, LOG, batch(0, 0, [event(1)]))
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        connection.execute(f"DROP TABLE {partition_name(datetime.now(UTC).date())}".encode())
    assert (await aio(writer.write, LOG, batch(0, 1, [event(2)]))).rows == 1
    assert recipients(log_database_url) == [2]


async def test_a_log_database_that_was_read_only_when_it_was_opened_is_written_later(
    writer: Writer, log_database_url: str
) -> None:
    await aio(writer.close)
    read_only = f"ALTER DATABASE {log_database_url.rsplit('/', 1)[1]} SET default_transaction_read_only"
    with psycopg.connect(log_database_url, autocommit=True) as admin:
        admin.execute(f"{read_only} = on".encode())
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await aio(writer.write, LOG, batch(0, 0, [event(1)]))
        admin.execute(f"{read_only} = off".encode())
    assert (await aio(writer.write, LOG, batch(0, 0, [event(1)]))).rows == 1


async def test_a_write_cancelled_before_its_commit_is_answered_is_all_or_nothing(
    writer: Writer, log_database_url: str
) -> None:
    made = batch(0, 0, [event(1), b"wrong", event(2)])
    async with trio.open_nursery() as nursery:
        with psycopg.connect(log_database_url) as blocker:
            blocker.execute("LOCK TABLE message_log_dead_letters IN ACCESS EXCLUSIVE MODE")
            nursery.start_soon(aio, writer.write, LOG, made)
            await until(lambda: waits_for_the_dead_letters(log_database_url))
            nursery.cancel_scope.cancel()
    await aio(writer.close)
    try:
        await aio(writer.write, LOG, made)
    except OffsetsMoved:
        assert await aio(writer.next_offsets, LOG, [0]) == {0: 3}
    assert recipients(log_database_url) == [1, 2]
    assert figures(log_database_url) == recount(log_database_url)


async def test_a_write_cancelled_while_it_copies_leaves_nothing(writer: Writer, log_database_url: str) -> None:
    await aio(writer.write, LOG, batch(0, 0, [event(0)]))
    made = batch(0, 1, [event(1), event(2)])
    waits = "SELECT 1 FROM pg_locks WHERE relation = 'message_logs'::regclass AND NOT granted"
    async with trio.open_nursery() as nursery:
        with psycopg.connect(log_database_url) as blocker:
            blocker.execute("LOCK TABLE message_logs IN ACCESS EXCLUSIVE MODE")
            nursery.start_soon(aio, writer.write, LOG, made)
            await until(lambda: bool(fetch(log_database_url, waits)))
            nursery.cancel_scope.cancel()
    assert recipients(log_database_url) == [0]
    assert (await aio(writer.write, LOG, made)).rows == 2
    assert recipients(log_database_url) == [0, 1, 2]


async def test_large_dead_letters_are_sent_as_they_are(writer: Writer) -> None:
    """As texts of hexadecimal digits they would take several times their size in memory, and as long."""
    large = [b'{"text": "' + bytes([97 + n]) * 1_000_000 + b'"}' for n in range(4)]
    await aio(writer.write, LOG, batch(0, 0, [b"wrong"]))
    made = batch(0, 1, large)
    tracemalloc.start()
    try:
        assert (await aio(writer.write, LOG, made)).dead_letters == 4
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6_000_000, peak
