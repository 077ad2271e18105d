"""What becomes a row, what a dead letter, and how a row is written for COPY."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.writing.binary_row import COLUMNS
from ingest.writing.rows import DeadLetter, NewerEvents, Row, read_message
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


def row(**changes: Any) -> dict[str, Any]:
    """The columns as Postgres will understand them."""
    found = read(**changes)
    assert isinstance(found, Row), found
    return columns(found)


def columns(found: Row) -> dict[str, Any]:
    """Read a row by COPY's own rules (PostgreSQL manual, COPY, binary format)."""
    (count,), data, fields = struct.unpack(">h", found.copied[:2]), found.copied[2:], []
    for _ in range(count):
        (length,), data = struct.unpack(">i", data[:4]), data[4:]
        fields.append(None if length < 0 else data[:length])
        data = data[max(length, 0) :]
    assert data == b""
    return {name: MEANING.get(name, text)(field) for name, field in zip(COLUMNS, fields, strict=True)}


def text(field: bytes | None) -> str | None:
    return None if field is None else field.decode()


def number(form: str) -> Callable[[bytes | None], Any]:
    return lambda field: None if field is None else struct.unpack(form, field)[0]


def moment(field: bytes | None) -> datetime:
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=number(">q")(field))


MEANING: dict[str, Callable[[bytes | None], Any]] = {
    "event_id": lambda field: UUID(bytes=field),
    "sent_at": moment,
    "latency_ms": number(">f"),
    **dict.fromkeys(("attempt", "error_code", "error_subcode", "http_status"), number(">i")),
}


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
    stored = columns(found)
    assert stored.pop("latency_ms") == pytest.approx(12.34567)
    wanted = {name: getattr(event, name) for name in COLUMNS if name != "latency_ms"}
    assert stored == wanted


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


def test_unknown_fields_and_classes_are_accepted() -> None:
    assert row(colour="blue", error_class="class_of_tomorrow")["error_class"] == "class_of_tomorrow"


@pytest.mark.parametrize("changes", [{}, {"recipient_id": ...}, {"outcome": "delivered"}])
def test_an_event_of_a_newer_schema_stops_instead_of_being_buried(changes: dict[str, Any]) -> None:
    with pytest.raises(NewerEvents, match="schema_version 2"):
        read(schema_version=2, **changes)


@pytest.mark.parametrize("version", [0, -1, "2", None, ...])
def test_what_is_no_version_is_a_dead_letter(version: Any) -> None:
    assert "schema_version" in reason(schema_version=version)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200))
def test_any_text_survives_the_way_through_copy(said: str) -> None:
    assert row(error_message=said)["error_message"] == said


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
    assert read_message(0, 1, None) == DeadLetter(0, 1, b"", "no value", "no value")


def test_a_lone_surrogate_is_a_dead_letter() -> None:
    assert reason(error_message="\ud800")


def test_a_tiny_latency_does_not_underflow() -> None:
    assert row(latency_ms=1e-300)["latency_ms"] == 0


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-23, 23))
def test_the_moment_is_kept_to_the_microsecond(sent_at: datetime, hours: int) -> None:
    found = read(sent_at=sent_at.isoformat())
    assert isinstance(found, Row)
    assert found.sent_at == sent_at == columns(found)["sent_at"]
    assert found.sent_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("changes", [{"outcome": "his secret"}, {"attempt": "his secret"}, {"event_id": "his secret"}])
def test_what_is_told_of_a_dead_letter_has_nothing_of_its_values(changes: dict[str, Any]) -> None:
    found = read(**changes)
    assert isinstance(found, DeadLetter)
    assert "his secret" not in found.told
    assert next(iter(changes)) in found.told
