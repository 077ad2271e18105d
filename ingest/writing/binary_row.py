"""A row as PostgreSQL's binary COPY wants it: a count of fields, then the length and the bytes of each. Pure.

The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format". It is the shortest way: Postgres
parses no text of numbers and moments, and nothing has to be escaped.
"""

from __future__ import annotations

import struct
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

_US_FROM_1970_TO_2000 = 946_684_800_000_000
"""PostgreSQL counts from 2000 on."""
_NULL = struct.pack(">i", -1)
_IDENTITY = struct.Struct(">hi16siqii").pack
_LENGTH = struct.Struct(">i").pack
_INT = struct.Struct(">ii").pack
_REAL = struct.Struct(">if").pack
_FLOAT = struct.Struct(">f")


def stored_latency(latency_ms: float) -> float:
    """Return a latency as the log's column, a `real`, holds it."""
    stored: float = _FLOAT.unpack(_FLOAT.pack(latency_ms))[0]
    return stored


def binary_row(event: LogEvent, sent_at_us: int) -> bytes:
    """Return the row of an event without NUL in its texts; `sent_at_us` is its moment, us since 1970 (UTC)."""
    latency_ms = event.latency_ms
    return b"".join((
        _IDENTITY(
            len(COLUMNS), 16, event.event_id.bytes, 8, sent_at_us - _US_FROM_1970_TO_2000, 4, event.attempt
        ),
        _repeated(event.run_id),
        _repeated(event.page_id),
        _text(event.recipient_id),
        _repeated(event.outcome),
        _repeated(event.error_class),
        _number(event.error_code),
        _number(event.error_subcode),
        _repeated(event.error_message),
        _number(event.http_status),
        _text(event.message_id),
        _NULL if latency_ms is None else _REAL(4, latency_ms),
        _repeated(event.sender_id),
        _text(event.fbtrace_id),
    ))  # fmt: skip


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    data = value.encode()
    return _LENGTH(len(data)) + data


_repeated = lru_cache(maxsize=20_000)(_text)
"""For what stands in many rows."""


@lru_cache(maxsize=1000)
def _number(value: int | None) -> bytes:
    return _NULL if value is None else _INT(4, value)
