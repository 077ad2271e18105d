"""Rows that the database refuses: these and no others are buried, and too many of them stop the ingest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from ingest.writing.stop_share import TooManyRefused
from ingest.writing.writer import Writer
from schema.outcomes import ErrorClass, Outcome
from schema.runtime.asyncio_door import aio
from tests.integration.ingest.events import LOG, batch, event, fetch, figures, recipients, recount

BAD = (0, 5, 8)
RAISES = "RAISE 'not him: %', NEW.recipient_id"
TRIGGER = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.recipient_id IN ('0', '5', '8') THEN {does}; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON message_logs FOR EACH ROW EXECUTE FUNCTION refuse();
"""
DEFERRED = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.recipient_id IN ('0', '5', '8') THEN RAISE 'later: no'; END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON message_logs INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse();
"""
REFUSING = {
    "check": "ALTER TABLE message_logs ADD CONSTRAINT nobody CHECK (recipient_id NOT IN ('0', '5', '8'))",
    "trigger": TRIGGER.format(does=RAISES),
    "state of its own": TRIGGER.format(does="RAISE 'no' USING ERRCODE = 'NW001'"),
    "left out": TRIGGER.format(does="RETURN NULL"),
    "deferred": DEFERRED,
    "type": "ALTER TABLE message_logs ALTER COLUMN error_message TYPE varchar(3)",
}
SAYS = {
    "check": "violates check constraint",
    "trigger": "not him",
    "state of its own": "NW001",
    "left out": "a trigger left it out",
    "deferred": "later: no",
    "type": "too long",
}


def change(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize("why", REFUSING)
async def test_what_the_database_refuses_is_buried_and_the_rest_written(
    writer: Writer, log_database_url: str, why: str
) -> None:
    change(log_database_url, REFUSING[why])
    values = [event(n, error_message="too long" if n in BAD else None) for n in range(9)]
    written = await aio(writer.write, LOG, batch(0, 0, values))
    assert (written.rows, written.dead_letters) == (6, 3)
    assert recipients(log_database_url) == [1, 2, 3, 4, 6, 7]
    dead = fetch(log_database_url, 'SELECT "offset", raw, reason FROM message_log_dead_letters ORDER BY 1')
    assert [(offset, bytes(raw)) for offset, raw, _ in dead] == [(n, values[n]) for n in BAD]
    assert all(SAYS[why] in reason for *_, reason in dead)
    assert figures(log_database_url) == recount(log_database_url)
    assert (await aio(writer.write, LOG, batch(0, 9, [event(9)]))).rows == 1


async def test_a_reason_shows_nothing_of_the_row(writer: Writer, log_database_url: str) -> None:
    change(log_database_url, REFUSING["check"])
    await aio(writer.write, LOG, batch(0, 0, [event(5, error_message="secret words")]))
    [(reason,)] = fetch(log_database_url, "SELECT reason FROM message_log_dead_letters")
    assert "nobody" in reason
    assert "secret words" not in reason


async def test_what_is_no_fault_of_a_row_buries_none(writer: Writer, log_database_url: str) -> None:
    change(log_database_url, "ALTER TABLE message_logs DROP COLUMN fbtrace_id")
    with pytest.raises(errors.UndefinedColumn):
        await aio(writer.write, LOG, batch(0, 0, [event(1)]))
    assert fetch(log_database_url, "SELECT count(*) FROM message_log_dead_letters") == [(0,)]


@pytest.mark.parametrize("by", ["unreadable", "the database"])
async def test_too_many_refused_stop_before_anything_is_buried(
    strict_writer: Writer, log_database_url: str, by: str
) -> None:
    values = [event(n) for n in range(300)]
    if by == "unreadable":
        values[100:120] = [b'{"renamed": true}'] * 20
    else:
        change(log_database_url, "ALTER TABLE message_logs ADD CHECK (recipient_id::int NOT BETWEEN 100 AND 119)")
    with pytest.raises(TooManyRefused, match="DEAD_LETTER_STOP_SHARE=1"):
        await aio(strict_writer.write, LOG, batch(0, 0, values))
    assert fetch(log_database_url, "SELECT count(*) FROM message_log_dead_letters") == [(0,)]
    assert await aio(strict_writer.next_offsets, LOG, [0]) == {0: 0}


async def test_too_many_of_an_impossible_day_stop_beside_good_rows(
    strict_writer: Writer, log_database_url: str
) -> None:
    ahead = datetime.now(UTC) + timedelta(days=30)
    values = [event(n, ahead if n < 20 else None) for n in range(300)]
    with pytest.raises(TooManyRefused):
        await aio(strict_writer.write, LOG, batch(0, 0, values))
    assert fetch(log_database_url, "SELECT count(*) FROM message_log_dead_letters") == [(0,)]
    assert recipients(log_database_url) == []


async def test_the_share_is_of_all_events_also_of_those_that_are_rows_already(
    writer: Writer, strict_writer: Writer, log_database_url: str
) -> None:
    there = [event(n) for n in range(800)]
    await aio(writer.write_beside, LOG, batch(0, 0, there))
    change(log_database_url, "ALTER TABLE message_logs ADD CHECK (recipient_id::int NOT BETWEEN 900 AND 910)")
    values = [*there, *(event(n) for n in range(900, 1110))]
    written = await aio(strict_writer.write, LOG, batch(0, 0, values))
    assert (written.repeated, written.rows, written.dead_letters) == (800, 199, 11)


async def test_ids_too_long_to_be_suppressed_stop_nobody(writer: Writer, log_database_url: str) -> None:
    letters = "".join(map(chr, range(0x4E00, 0x9FA5)))
    page, person = ("".join(Random(seed).sample(letters, 500)) for seed in (1, 2))  # noqa: S311 - compresses badly
    gone: dict[str, Any] = {"outcome": Outcome.FAILED, "error_class": ErrorClass.RECIPIENT_PERMANENT}
    values = [event(1, page_id=page, recipient_id=person, **gone), event(2, **gone)]
    assert (await aio(writer.write, LOG, batch(0, 0, values))).rows == 2
    assert fetch(log_database_url, "SELECT recipient_id FROM suppressions") == [("2",)]


async def test_a_few_refused_are_buried_and_later_ones_added_up(strict_writer: Writer, log_database_url: str) -> None:
    written = await aio(strict_writer.write, LOG, batch(0, 0, [*(event(n) for n in range(190)), *[b"bad"] * 10]))
    assert (written.rows, written.dead_letters) == (190, 10)
    with pytest.raises(TooManyRefused):
        await aio(strict_writer.write, LOG, batch(0, 200, [b"bad", b"bad"]))
    assert (await aio(strict_writer.write, LOG, batch(0, 200, [event(n) for n in range(40)]))).rows == 40


async def test_the_alarm_shows_nothing_of_the_rows(strict_writer: Writer, log_database_url: str) -> None:
    change(log_database_url, TRIGGER.format(does="RAISE 'no % here', NEW"))
    values = [event(5, error_message="his secret") for _ in range(200)]
    with pytest.raises(TooManyRefused) as raised:
        await aio(strict_writer.write, LOG, batch(0, 0, values))
    assert "his secret" not in str(raised.value)
    assert "refuse" in str(raised.value)


OF_FIGURES = {
    "pages": "ALTER TABLE page_figures ADD CHECK (page_id <> '1001')",
    "runs": "ALTER TABLE run_figures ADD CHECK (run_id <> 'bad')",
    "people": "ALTER TABLE suppressions ADD CHECK (recipient_id <> '1')",
}
GONE: dict[str, Any] = {"outcome": Outcome.FAILED, "error_class": ErrorClass.RECIPIENT_PERMANENT}


@pytest.mark.parametrize("whose", OF_FIGURES)
async def test_a_row_whose_figures_are_refused_is_buried_and_no_other(
    writer: Writer, log_database_url: str, whose: str
) -> None:
    change(log_database_url, OF_FIGURES[whose])
    values = [event(0), event(1, run_id="bad", **GONE), event(2)]
    written = await aio(writer.write, LOG, batch(0, 0, values))
    assert [letter.offset for letter in written.dead] == [1]
    assert recipients(log_database_url) == [0, 2]
    assert figures(log_database_url) == recount(log_database_url)


UPDATES = {
    "left out": "CREATE TRIGGER refuse BEFORE UPDATE ON message_logs FOR EACH ROW EXECUTE FUNCTION refuse()",
    "deferred": "CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON message_logs INITIALLY DEFERRED FOR EACH ROW "
    "EXECUTE FUNCTION refuse()",
    "figures": "ALTER TABLE page_figures ADD CHECK (outcome <> 'sent' OR page_id <> '1005')",
}
REFUSES_5 = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.recipient_id <> '5' THEN RETURN NEW; END IF;
        IF TG_WHEN = 'AFTER' THEN RAISE 'later: no'; END IF;
        RETURN NULL;
    END $$
"""


@pytest.mark.parametrize("why", UPDATES)
async def test_a_correction_that_is_refused_is_buried_and_counts_for_nothing(
    writer: Writer, log_database_url: str, why: str
) -> None:
    ids, now = [uuid4() for _ in range(3)], datetime.now(UTC)
    unknown = [event(n, now, event_id=ids[n - 4], outcome=Outcome.UNKNOWN) for n in (4, 5, 6)]
    await aio(writer.write, LOG, batch(0, 0, unknown))
    change(log_database_url, REFUSES_5)
    change(log_database_url, UPDATES[why])
    sent = [event(n, now, event_id=ids[n - 4]) for n in (4, 5, 6)]
    written = await aio(writer.write, LOG, batch(0, 3, sent))
    assert written.corrected == 2
    assert [letter.offset for letter in written.dead] == [4]
    assert figures(log_database_url) == recount(log_database_url)
