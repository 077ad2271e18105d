"""A row as PostgreSQL's binary COPY wants it: a count of fields, then the length and the bytes of each. Pure.

The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format". It is the shortest way: Postgres
parses no text of numbers and moments, and nothing has to be escaped.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from schema.event import LogEvent

COLUMNS: Final = (
    "event_id", "sent_at", "attempt", "run_id", "page_id", "recipient_id", "outcome", "error_class", "error_code",
    "error_subcode", "error_message", "http_status", "message_id", "latency_ms", "sender_id", "fbtrace_id",
)  # fmt: skip
"""The order of the fields in a row."""
BEGIN: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END: Final = b"\xff\xff"

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NULL = struct.pack(">i", -1)
_IDENTITY = struct.Struct(">hi16siqii")
_LENGTH = struct.Struct(">i")
_INT = struct.Struct(">ii")
_REAL = struct.Struct(">if")
_FLOAT = struct.Struct(">f")


def stored_latency(latency_ms: float | None) -> float | None:
    """Return a latency as the log's column, a `real`, holds it."""
    if latency_ms is None:
        return None
    stored: float = _FLOAT.unpack(_FLOAT.pack(round(latency_ms, 3)))[0]
    return stored


def binary_row(event: LogEvent, sent_at: datetime, latency_ms: float | None) -> bytes:
    """Return the row of an event; `sent_at` is its moment in UTC, `latency_ms` as `stored_latency` returns it.

    Raises:
        ValueError: when a text cannot be stored.
    """
    moment = (sent_at - _EPOCH) // _MICROSECOND
    return b"".join((
        _IDENTITY.pack(len(COLUMNS), 16, event.event_id.bytes, 8, moment, 4, event.attempt),
        _repeated(event.run_id),
        _repeated(event.page_id),
        _text(event.recipient_id),
        _repeated(event.outcome),
        _repeated(event.error_class),
        _number(event.error_code),
        _number(event.error_subcode),
        _text(event.error_message),
        _number(event.http_status),
        _text(event.message_id),
        _NULL if latency_ms is None else _REAL.pack(4, latency_ms),
        _repeated(event.sender_id),
        _text(event.fbtrace_id),
    ))  # fmt: skip


def _number(value: int | None) -> bytes:
    return _NULL if value is None else _INT.pack(4, value)


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    data = value.encode()
    if b"\0" in data:
        raise ValueError("a text contains the character NUL, which PostgreSQL cannot store")
    return _LENGTH.pack(len(data)) + data


_repeated = lru_cache(maxsize=20_000)(_text)
"""For what stands in many rows."""
