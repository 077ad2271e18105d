"""The writer alone: one batch, one transaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import trio

from ingest.partitions import partition_name
from ingest.rows import Row, read_message
from ingest.writer import OffsetsMoved, Writer
from schema.runtime.asyncio_door import aio
from tests.integration.ingest.events import LOG, batch, event, fetch, recipients, until, waits_for_the_dead_letters

pytestmark = pytest.mark.both_brokers


async def test_an_event_consumed_twice_is_one_row(writer: Writer, log_database_url: str) -> None:
    events = [event(n) for n in range(5)]
    first = await aio(writer.write, LOG, batch(0, 0, [*events, events[0]]))
    again = await aio(writer.write, LOG, batch(1, 0, events))
    assert (first.rows, again.rows) == (5, 0)
    assert recipients(log_database_url) == [0, 1, 2, 3, 4]
    assert await aio(writer.next_offsets, LOG, [0, 1]) == {0: 6, 1: 5}


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


async def test_what_only_postgres_refuses_is_found_among_the_others(writer: Writer, log_database_url: str) -> None:
    made = batch(0, 0, [event(n) for n in range(9)])
    for place in (0, 5, 8):
        row = made.rows[place]
        line = row.line.replace("\t1\t", "\tmany\t", 1)  # its number of the attempt
        made.rows[place] = Row(row.partition, row.offset, row.raw, line, row.day, row.sent_at)
    written = await aio(writer.write, LOG, made)
    assert (written.rows, written.dead_letters) == (6, 3)
    assert recipients(log_database_url) == [1, 2, 3, 4, 6, 7]
    dead = fetch(log_database_url, 'SELECT "offset", reason FROM message_log_dead_letters ORDER BY 1')
    assert [offset for offset, _ in dead] == [0, 5, 8]
    assert all("integer" in reason for _, reason in dead)


async def test_events_on_both_sides_of_midnight_go_into_their_own_days(writer: Writer, log_database_url: str) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    before, after = event(1, midnight - timedelta(microseconds=1)), event(2, midnight)
    await aio(writer.write, LOG, batch(0, 0, [before, after]))
    rows = fetch(log_database_url, "SELECT recipient_id, tableoid::regclass::text FROM message_logs ORDER BY 1")
    yesterday, today = midnight.date() - timedelta(days=1), midnight.date()
    assert rows == [("1", partition_name(yesterday)), ("2", partition_name(today))]


async def test_a_date_out_of_reach_is_a_dead_letter_and_makes_no_partition(
    writer: Writer, log_database_url: str
) -> None:
    now = datetime.now(UTC)
    far = [event(1, now - timedelta(days=9)), event(2, now + timedelta(days=40)), event(3, now)]
    written = await aio(writer.write, LOG, batch(0, 0, far))
    assert (written.rows, written.dead_letters) == (1, 2)
    assert fetch(log_database_url, "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent "
                 "WHERE c.relname = 'message_logs'") == [(1,)]  # fmt: skip
    assert "in no partition" in fetch(log_database_url, "SELECT reason FROM message_log_dead_letters")[0][0]


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


async def test_a_write_cancelled_between_copy_and_commit_leaves_nothing(writer: Writer, log_database_url: str) -> None:
    made = batch(0, 0, [event(1), b"wrong", event(2)])
    async with trio.open_nursery() as nursery:
        with psycopg.connect(log_database_url) as blocker:
            blocker.execute("LOCK TABLE message_log_dead_letters IN ACCESS EXCLUSIVE MODE")
            nursery.start_soon(aio, writer.write, LOG, made)
            await until(lambda: waits_for_the_dead_letters(log_database_url))
            nursery.cancel_scope.cancel()
    assert recipients(log_database_url) == []
    await aio(writer.close)
    assert (await aio(writer.write, LOG, made)).rows == 2
    assert recipients(log_database_url) == [1, 2]
