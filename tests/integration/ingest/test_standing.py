"""Two events with one id: which of them stands in the log, and that the figures say the same."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
import trio

from ingest.writing.transaction import Written
from ingest.writing.writer import Writer
from schema.outcomes import ErrorClass, Outcome
from schema.runtime.asyncio_door import aio
from tests.integration.ingest.events import (
    LOG,
    batch,
    event,
    fetch,
    figures,
    recount,
    until,
    waits_for_the_dead_letters,
)

_WAITS_FOR_ANOTHERS_ROW = "SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
ID, AT = uuid4(), datetime.now(UTC)


def attempt(outcome: Outcome, error_class: ErrorClass | None = None, **more: object) -> bytes:
    return event(1, AT, event_id=ID, outcome=outcome, error_class=error_class, **more)


SENT = attempt(Outcome.SENT, latency_ms=99.83)
GONE = attempt(Outcome.FAILED, ErrorClass.RECIPIENT_PERMANENT, error_code=551, message_id=None, latency_ms=77.7)
UNKNOWN = attempt(Outcome.UNKNOWN, ErrorClass.AMBIGUOUS, sender_id="another", message_id=None, latency_ms=None)
RETRYING = attempt(Outcome.RETRYING, ErrorClass.TRANSIENT, latency_ms=300.0)


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
@pytest.mark.parametrize(
    ("first", "second", "stands", "counts"),
    [
        (UNKNOWN, SENT, "sent", (1, 0, 0)),
        (SENT, UNKNOWN, "sent", (0, 1, 0)),
        (RETRYING, UNKNOWN, "unknown", (1, 0, 0)),
        (UNKNOWN, RETRYING, "unknown", (0, 1, 0)),
        (RETRYING, GONE, "failed", (1, 0, 0)),
        (SENT, SENT, "sent", (0, 1, 0)),
        (SENT, GONE, "sent", (0, 0, 1)),
        (GONE, SENT, "failed", (0, 0, 1)),
    ],
)
async def test_what_is_known_better_stands_in_either_order(
    writer: Writer,
    log_database_url: str,
    together: bool,
    first: bytes,
    second: bytes,
    stands: str,
    counts: tuple[int, int, int],
) -> None:
    if together:
        written = await aio(writer.write, LOG, batch(0, 0, [first, second]))
        assert (written.rows, written.corrected + written.repeated, written.conflicting) == (
            1, counts[0] + counts[1], counts[2],
        )  # fmt: skip
    else:
        await aio(writer.write, LOG, batch(0, 0, [first]))
        written = await aio(writer.write, LOG, batch(0, 1, [second]))
        assert (written.corrected, written.repeated, written.conflicting) == counts
        assert written.rows == 0
    assert fetch(log_database_url, "SELECT outcome FROM message_logs") == [(stands,)]
    assert figures(log_database_url) == recount(log_database_url)
    dead = fetch(log_database_url, "SELECT raw, reason FROM message_log_dead_letters")
    assert [bytes(raw) for raw, _ in dead] == [second] * counts[2]
    assert all("another content" in reason for _, reason in dead)
    gone = fetch(log_database_url, "SELECT count(*) FROM suppressions")
    assert gone == [(int(stands == "failed"),)]


async def test_a_repeat_is_no_conflict_however_long_its_answer_took(writer: Writer, log_database_url: str) -> None:
    """A column of four bytes holds most of these otherwise than they came."""
    latencies_ms = [*(n / 7 for n in range(1, 400)), 0.0, 1e-40, 1e-6, 16_777_217.0, 117918.70367106106, 1e30]
    events = [event(n, latency_ms=latency_ms) for n, latency_ms in enumerate(latencies_ms)]
    await aio(writer.write, LOG, batch(0, 0, events))
    written = await aio(writer.write, LOG, batch(0, len(events), events))
    assert (written.rows, written.repeated, written.dead_letters) == (0, len(events), 0)
    assert figures(log_database_url) == recount(log_database_url)


async def test_conflicts_do_not_stop_the_ingest(strict_writer: Writer) -> None:
    ids = [uuid4() for _ in range(300)]
    await aio(strict_writer.write, LOG, batch(0, 0, [event(n, AT, event_id=i) for n, i in enumerate(ids)]))
    others = [event(n, AT, event_id=i, outcome=Outcome.FAILED) for n, i in enumerate(ids)]
    written = await aio(strict_writer.write, LOG, batch(0, 300, others))
    assert (written.rows, written.conflicting, written.dead_letters) == (0, 300, 300)


async def test_what_is_written_a_second_time_beside_changes_nothing(writer: Writer, log_database_url: str) -> None:
    events = [SENT, *(event(n, AT) for n in range(2, 50)), b"wrong"]
    await aio(writer.write, LOG, batch(0, 0, events))
    before = fetch(log_database_url, "SELECT * FROM message_logs ORDER BY event_id")
    again = await aio(writer.write_beside, LOG, batch(0, 0, events))
    assert (again.rows, again.repeated, again.dead_letters) == (0, 49, 1)
    assert fetch(log_database_url, "SELECT * FROM message_logs ORDER BY event_id") == before
    assert fetch(log_database_url, "SELECT count(*) FROM message_log_dead_letters") == [(1,)]
    assert await aio(writer.next_offsets, LOG, [0]) == {0: 50}
    assert figures(log_database_url) == recount(log_database_url)


async def test_dead_letters_go_with_their_rows_and_stay_when_they_are_refused_again(
    writer: Writer, log_database_url: str
) -> None:
    await aio(writer.write, LOG, batch(0, 0, [b"wrong", b"wrong too"]))
    mended = batch(0, 0, [event(1), b"still wrong"])
    written = await aio(writer.write_beside, LOG, mended, redriven=[(0, 0), (0, 1)])
    assert (written.rows, written.dead_letters) == (1, 1)
    left = fetch(log_database_url, 'SELECT "offset", raw FROM message_log_dead_letters')
    assert [(offset, bytes(raw)) for offset, raw in left] == [(1, b"wrong too")]


async def test_an_event_that_another_writes_at_the_same_time_is_a_repeated_one(
    writer: Writer, log_database_url: str
) -> None:
    known, met = event(1), event(2)
    await aio(writer.write, LOG, batch(0, 0, [known]))
    other = Writer(log_database_url, keep_days=7)
    found: list[Written] = []

    async def write_slowly() -> None:
        found.append(await aio(writer.write, LOG, batch(0, 1, [known, met])))

    async with trio.open_nursery() as nursery:
        with psycopg.connect(log_database_url) as blocker:
            blocker.execute("LOCK TABLE message_log_dead_letters IN ACCESS EXCLUSIVE MODE")
            nursery.start_soon(aio, other.write, LOG, batch(1, 0, [met, b"wrong"]))
            await until(lambda: waits_for_the_dead_letters(log_database_url))
            nursery.start_soon(write_slowly)
            await until(lambda: bool(fetch(log_database_url, _WAITS_FOR_ANOTHERS_ROW)))
    await aio(other.close)
    assert [(written.rows, written.repeated, written.dead_letters) for written in found] == [(0, 2, 0)]
    assert figures(log_database_url) == recount(log_database_url)
