"""What becomes a row, what a dead letter, and how a row is written for COPY."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rows import COLUMNS, DeadLetter, Row, read_message
from schema.event import LogEvent, encode_event
from schema.outcomes import ErrorClass, Outcome

EVENT_ID = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")
MINIMAL: dict[str, Any] = {
    "event_id": str(EVENT_ID),
    "run_id": "run-1",
    "page_id": "1001",
    "recipient_id": "2002",
    "attempt": 1,
    "outcome": "sent",
    "sent_at": "2026-11-22T23:59:59.999999Z",
    "sender_id": "sender-1",
    "schema_version": 1,
}


def read(**changes: Any) -> Row | DeadLetter:
    fields = {name: value for name, value in {**MINIMAL, **changes}.items() if value is not ...}
    return read_message(3, 42, json.dumps(fields).encode())


def row(**changes: Any) -> dict[str, str | None]:
    """The columns as Postgres will understand them."""
    found = read(**changes)
    assert isinstance(found, Row), found
    assert found.line.endswith("\n")
    return dict(zip(COLUMNS, map(unescape, found.line[:-1].split("\t")), strict=True))


def unescape(field: str) -> str | None:
    """COPY's own rules (PostgreSQL manual, COPY, text format)."""
    if field == r"\N":
        return None
    plain = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}
    pieces = iter(field)
    return "".join(plain[next(pieces)] if piece == "\\" else piece for piece in pieces)


def reason(**changes: Any) -> str:
    found = read(**changes)
    assert isinstance(found, DeadLetter), found
    assert (found.partition, found.offset) == (3, 42)
    return found.reason


def test_an_event_as_the_sender_encodes_it_fills_its_columns() -> None:
    event = LogEvent(
        event_id=EVENT_ID,
        run_id="run-1",
        page_id="1001",
        recipient_id="2002",
        attempt=2,
        outcome=Outcome.FAILED,
        sent_at=datetime(2026, 11, 22, 10, 0, 0, 5, tzinfo=UTC),
        sender_id="sender-1",
        schema_version=1,
        error_class=ErrorClass.RECIPIENT_WINDOW,
        error_code=10,
        error_subcode=2018278,
        error_message="outside of allowed window",
        http_status=400,
        latency_ms=12.34567,
        fbtrace_id="Abc",
    )
    found = read_message(0, 7, encode_event(event))
    assert isinstance(found, Row)
    assert found.day == date(2026, 11, 22)
    assert found.line.split("\t") == [
        "0f8fad5bd9cb469fa16570867728950e", "run-1", "1001", "2002", "2", "failed", "recipient_window", "10",
        "2018278", "outside of allowed window", "400", r"\N", "12.346", "sender-1", "Abc",
        "2026-11-22T10:00:00.000005+00:00\n",
    ]  # fmt: skip


def test_the_columns_are_the_fields_of_the_event() -> None:
    assert set(COLUMNS) == set(LogEvent.__struct_fields__) - {"schema_version"}


def test_the_day_is_the_utc_day_of_sent_at() -> None:
    before, after, elsewhere = (
        read(),
        read(sent_at="2026-11-23T00:00:00Z"),
        read(sent_at="2026-11-22T23:30:00-01:00"),
    )
    assert [r.day for r in (before, after, elsewhere) if isinstance(r, Row)] == [
        date(2026, 11, 22),
        date(2026, 11, 23),
        date(2026, 11, 23),
    ]


def test_unknown_fields_and_a_newer_version_are_accepted() -> None:
    assert row(schema_version=7, colour="blue", error_class="class_of_tomorrow")["error_class"] == "class_of_tomorrow"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200))
def test_any_text_survives_the_way_through_copy(text: str) -> None:
    assert row(error_message=text)["error_message"] == text


@pytest.mark.parametrize("field", ["event_id", "run_id", "page_id", "recipient_id", "attempt", "outcome", "sent_at"])
def test_an_event_without_a_needed_field_is_a_dead_letter(field: str) -> None:
    assert field in reason(**{field: ...})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"event_id": "7"}, "UUID"),
        ({"outcome": "delivered"}, "outcome"),
        ({"attempt": -1}, "attempt"),
        ({"attempt": 2**31}, "attempt"),
        ({"attempt": "1"}, "attempt"),
        ({"error_code": 2**31}, "error_code"),
        ({"error_subcode": -(2**31) - 1}, "error_subcode"),
        ({"latency_ms": 1e300}, "latency_ms"),
        ({"sent_at": "2026-11-22T10:00:00"}, "sent_at"),
        ({"sent_at": "yesterday"}, "sent_at"),
        ({"sent_at": "0001-01-01T00:30:00+01:00"}, "out of range"),
        ({"run_id": ""}, "run_id"),
        ({"page_id": "1" * 501}, "page_id"),
        ({"error_message": "a\0b"}, "NUL"),
        ({"run_id": None}, "run_id"),
    ],
)
def test_what_postgres_could_not_store_is_a_dead_letter(changes: dict[str, Any], says: str) -> None:
    assert says in reason(**changes)


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b"null", b'{"a": "\xff"}', b'"\\ud800"', b"\x00", b'{"a":' * 100_000]
)
def test_bytes_that_are_no_event_are_kept_in_a_dead_letter(value: bytes) -> None:
    found = read_message(0, 1, value)
    assert isinstance(found, DeadLetter)
    assert found.raw == value
    assert found.reason


def test_whose_a_corrupt_record_was_need_not_be_known() -> None:
    assert row(outcome="failed", error_class="corrupt", recipient_id="", page_id="")["recipient_id"] == ""


def test_a_message_without_a_value_is_a_dead_letter() -> None:
    assert read_message(0, 1, None) == DeadLetter(0, 1, b"", "no value")


def test_a_lone_surrogate_is_a_dead_letter() -> None:
    assert reason(error_message="\ud800")


def test_a_tiny_latency_does_not_underflow() -> None:
    assert row(latency_ms=1e-300)["latency_ms"] == "0.000"


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-23, 23))
def test_the_moment_is_kept_to_the_microsecond(moment: datetime, hours: int) -> None:
    event = {**MINIMAL, "sent_at": moment.isoformat()}
    found = read_message(0, 0, json.dumps(event).encode())
    assert isinstance(found, Row)
    assert found.sent_at == moment
    assert datetime.fromisoformat(found.line.rsplit("\t", 1)[1].strip()) == moment
    assert found.sent_at.utcoffset() == timedelta(0)
