"""From the bytes of a topic message to a row for COPY, or to a dead letter with the reason. Pure; no I/O here."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Final

import msgspec

from schema.event import LogEvent

COLUMNS: Final = (
    "event_id", "run_id", "page_id", "recipient_id", "attempt", "outcome", "error_class", "error_code",
    "error_subcode", "error_message", "http_status", "message_id", "latency_ms", "sender_id", "fbtrace_id", "sent_at",
)  # fmt: skip
"""The order of the fields in a row's line."""

_Int = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]  # indexed: a btree entry ends at 2.7 kB
_IdIfKnown = Annotated[str, msgspec.Meta(max_length=500)]  # a record that cannot be decoded does not say whose it is
_Text = Annotated[str, msgspec.Meta(max_length=10_000)]
_LONGEST_REASON: Final = 500


class ReceivedEvent(LogEvent, frozen=True, kw_only=True):
    """A LogEvent as it may come in: only what a row can hold, but classes and fields of a newer sender too."""

    run_id: _Id
    page_id: _IdIfKnown
    recipient_id: _IdIfKnown
    sender_id: _Id
    attempt: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
    sent_at: Annotated[datetime, msgspec.Meta(tz=True)]
    error_class: _Id | None = None  # type: ignore[assignment]  # a newer sender may know more classes
    error_code: _Int | None = None
    error_subcode: _Int | None = None
    error_message: _Text | None = None
    http_status: _Int | None = None
    message_id: _Text | None = None
    latency_ms: Annotated[float, msgspec.Meta(ge=-1e30, le=1e30)] | None = None
    fbtrace_id: _Text | None = None


class Row(msgspec.Struct, frozen=True, gc=False):
    """An event that can become a row."""

    partition: int
    offset: int
    raw: bytes
    line: str
    """Its line of COPY text, with the newline."""
    day: date
    """Of `sent_at`, UTC: names the partition of the table."""
    sent_at: datetime


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """A message that cannot become a row."""

    partition: int
    offset: int
    raw: bytes
    reason: str


_decoder = msgspec.json.Decoder(ReceivedEvent)


def read_message(partition: int, offset: int, value: bytes | None) -> Row | DeadLetter:
    """Return the row of a topic message, or the dead letter when it is not a log event."""
    if value is None:
        return DeadLetter(partition, offset, b"", "no value")
    try:
        event = _decoder.decode(value)
        sent_at = event.sent_at.astimezone(UTC)
        return Row(partition, offset, value, _line(event, sent_at), sent_at.date(), sent_at)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as exc:
        return DeadLetter(partition, offset, value, str(exc)[:_LONGEST_REASON])


def refused(row: Row, reason: str) -> DeadLetter:
    """Return the dead letter of a row that the database does not take."""
    return DeadLetter(row.partition, row.offset, row.raw, reason[:_LONGEST_REASON])


def _line(event: ReceivedEvent, sent_at: datetime) -> str:
    latency_ms = event.latency_ms
    return "\t".join((
        event.event_id.hex, _text(event.run_id), _text(event.page_id), _text(event.recipient_id),
        str(event.attempt), event.outcome, _text(event.error_class), _number(event.error_code),
        _number(event.error_subcode), _text(event.error_message), _number(event.http_status),
        _text(event.message_id), r"\N" if latency_ms is None else f"{latency_ms:.3f}",
        _text(event.sender_id), _text(event.fbtrace_id), sent_at.isoformat() + "\n",
    ))  # fmt: skip


def _number(value: int | None) -> str:
    return r"\N" if value is None else str(value)


_SPECIAL = re.compile(r"[\\\t\n\r\x00]")
_ESCAPED: Final = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}


def _text(value: str | None) -> str:
    if value is None:
        return r"\N"
    if _SPECIAL.search(value) is None:
        return value
    if "\0" in value:
        raise ValueError("a text contains the character NUL, which PostgreSQL cannot store")
    return _SPECIAL.sub(lambda found: _ESCAPED[found[0]], value)
