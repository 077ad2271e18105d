"""What rows say of people: who cannot be reached is kept, in the rows' own transaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec
import psycopg
import pytest
import trio

from ingest.keeping.keep import tidy
from ingest.settings import IngestSettings
from ingest.writing.transaction import OffsetsMoved
from ingest.writing.writer import Writer
from schema.event import LogEvent, encode_event
from schema.outcomes import ErrorClass, Outcome
from schema.runtime.asyncio_door import aio
from schema.runtime.settings import load
from tests.integration.ingest.events import LOG, batch, event, fetch

NOON = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def settings(log_database_url: str, redis_url: str, kafka_bootstrap: str) -> IngestSettings:
    addresses = {"redis_url": redis_url, "kafka_bootstrap_servers": kafka_bootstrap}
    return load(IngestSettings, env_file=None, log_database_url=log_database_url, log_retention_days=7, **addresses)


def said(number: int, *, minutes: int = 0, gone: bool = True, **more: Any) -> bytes:
    """Return an event of this person, so many minutes after noon."""
    plain = msgspec.json.decode(event(number, NOON + timedelta(minutes=minutes)), type=LogEvent)
    if gone:
        more = {"outcome": Outcome.FAILED, "error_class": ErrorClass.RECIPIENT_PERMANENT, **more}
    return encode_event(msgspec.structs.replace(plain, **{"page_id": "7", **more}))


def standing(url: str) -> list[tuple[Any, ...]]:
    """Return the people that are suppressed: who, since which minute after noon, by which run."""
    rows = fetch(
        url,
        "SELECT recipient_id, since, run_id FROM suppressions "
        "WHERE reason = 'recipient_gone' AND (lifted_at IS NULL OR lifted_at < since) ORDER BY 1",
    )
    return [(who, (since - NOON) // timedelta(minutes=1), run) for who, since, run in rows]


async def test_a_permanent_error_suppresses_and_nothing_else_does(writer: Writer, log_database_url: str) -> None:
    values = [said(1), said(2, gone=False), said(3, outcome=Outcome.SUPPRESSED)]
    values += [
        said(4, error_class=ErrorClass.RECIPIENT_TEMPORARY),
        said(5, outcome=Outcome.RETRYING),
        said(6, page_id=""),
    ]
    written = await aio(writer.write, LOG, batch(0, 0, values))
    assert (written.rows, written.dead_letters) == (6, 0)
    assert standing(log_database_url) == [("1", 0, "run-1"), ("3", 0, "run-1")]


async def test_the_newest_row_counts_in_whatever_order_they_come(writer: Writer, log_database_url: str) -> None:
    await aio(writer.write, LOG, batch(0, 0, [said(1, minutes=2, run_id="b"), said(1, minutes=1, run_id="a")]))
    await aio(writer.write, LOG, batch(0, 2, [said(1, run_id="c")]))
    assert standing(log_database_url) == [("1", 2, "b")]
    await aio(writer.write, LOG, batch(0, 3, [said(1, minutes=3, run_id="d")]))
    assert standing(log_database_url) == [("1", 3, "d")]


async def test_a_message_that_arrived_later_lifts_and_an_earlier_one_does_not(
    writer: Writer, log_database_url: str, settings: IngestSettings
) -> None:
    await aio(writer.write, LOG, batch(0, 0, [said(1, minutes=1), said(2, minutes=1), said(3, minutes=1)]))
    await aio(writer.write, LOG, batch(0, 3, [said(1, gone=False), said(2, minutes=2, gone=False)]))
    both = [said(4, minutes=1), said(4, minutes=2, gone=False), said(5, minutes=2), said(5, minutes=1, gone=False)]
    await aio(writer.write, LOG, batch(0, 5, both))
    assert [who for who, *_ in standing(log_database_url)] == ["1", "2", "3", "4", "5"]
    await aio(tidy, settings)
    assert [who for who, *_ in standing(log_database_url)] == ["1", "3", "5"]
    await aio(writer.write, LOG, batch(0, 9, [said(2, minutes=3)]))
    await aio(tidy, settings)
    assert [who for who, *_ in standing(log_database_url)] == ["1", "2", "3", "5"]


async def test_neither_a_replay_nor_an_older_row_undoes_what_a_person_lifted(
    writer: Writer, log_database_url: str
) -> None:
    first = [said(1), said(2)]
    await aio(writer.write, LOG, batch(0, 0, first))
    fetch(log_database_url, f"UPDATE suppressions SET lifted_at = '{NOON + timedelta(minutes=5)}' RETURNING 1")  # noqa: S608
    await aio(writer.write, LOG, batch(0, 2, [*first, said(1, minutes=4)]))
    assert standing(log_database_url) == []
    fetch(log_database_url, "DELETE FROM suppressions RETURNING 1")
    await aio(writer.write, LOG, batch(0, 5, first))
    assert standing(log_database_url) == []
    await aio(writer.write, LOG, batch(0, 7, [said(1, minutes=6)]))
    assert [who for who, *_ in standing(log_database_url)] == ["1"]


async def test_an_entry_by_a_person_is_left_alone(writer: Writer, log_database_url: str) -> None:
    fetch(
        log_database_url,
        "INSERT INTO suppressions (page_id, recipient_id, reason, since, by_whom) "
        "VALUES ('7', '1', 'denied', now(), 'ann') RETURNING 1",
    )
    await aio(writer.write, LOG, batch(0, 0, [said(1, minutes=1, gone=False)]))
    await aio(writer.write, LOG, batch(0, 1, [said(1, minutes=2)]))
    rows = fetch(log_database_url, "SELECT reason, by_whom, lifted_at FROM suppressions ORDER BY 1")
    assert rows == [("denied", "ann", None), ("recipient_gone", "ingest", None)]


async def test_a_batch_that_is_not_written_suppresses_nobody(writer: Writer, log_database_url: str) -> None:
    await aio(writer.write, LOG, batch(0, 0, [said(1, gone=False)]))
    with pytest.raises(OffsetsMoved):
        await aio(writer.write, LOG, batch(0, 0, [said(2)]))
    assert standing(log_database_url) == []


async def test_two_who_write_the_same_people_in_opposite_order_wait_for_each_other(
    writer: Writer, log_database_url: str
) -> None:
    other = Writer(log_database_url, keep_days=7)
    people = range(1, 500)
    for turn in range(5):
        async with trio.open_nursery() as nursery:
            for one, partition, order in ((writer, 0, people), (other, 1, people[::-1])):
                start = turn * 2 * len(people)
                values = [said(n, minutes=turn) for n in order] + [said(n, minutes=turn, gone=False) for n in order]
                nursery.start_soon(aio, one.write, LOG, batch(partition, start, values))
    await aio(other.close)
    assert fetch(log_database_url, "SELECT count(*) FROM suppressions") == [(len(people),)]


async def test_what_was_lifted_is_forgotten_when_no_older_row_can_come(
    writer: Writer, log_database_url: str, settings: IngestSettings
) -> None:
    await aio(writer.write, LOG, batch(0, 0, [said(n) for n in range(1, 5)]))
    for who, days_ago in ((1, 7), (2, 9)):
        lift = f"lifted_at = now() - interval '{days_ago} days', since = now() - interval '9 days'"
        fetch(log_database_url, f"UPDATE suppressions SET {lift} WHERE recipient_id = '{who}' RETURNING 1")  # noqa: S608
    again = "lifted_at = now() - interval '9 days'"  # and was gone once more since
    fetch(log_database_url, f"UPDATE suppressions SET {again} WHERE recipient_id = '3' RETURNING 1")  # noqa: S608
    await aio(tidy, settings)
    kept = fetch(log_database_url, "SELECT recipient_id FROM suppressions ORDER BY 1")
    assert [who for (who,) in kept] == ["1", "3", "4"]


async def test_looking_for_what_arrived_uses_the_logs_index(writer: Writer, log_database_url: str) -> None:
    await aio(writer.write, LOG, batch(0, 0, [said(n, gone=n % 2 == 0) for n in range(1, 2000)]))
    lift = files("ingest").joinpath("sql", "lift_arrived.sql").read_text()
    with psycopg.connect(log_database_url) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = [line.strip() for (line,) in connection.execute(f"EXPLAIN {lift}".encode())]
    found = [plan[n + 1] for n, line in enumerate(plan) if " on message_logs_" in line]
    assert found
    assert all("page_id = " in condition or "recipient_id = " in condition for condition in found)
