"""From the bytes of a topic message to a row for COPY, or to a dead letter with the reason. Pure; no I/O here."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final

import msgspec
from msgspec.structs import asdict

from ingest.stops import IngestStops
from ingest.writing.binary_row import binary_row
from schema.event import EPOCH, SCHEMA_VERSION, LogEvent, at_us

_Int = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]  # indexed: a btree entry ends at 2.7 kB
_IdIfKnown = Annotated[str, msgspec.Meta(max_length=500)]  # a record that cannot be decoded does not say whose it is
_Class = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]  # indexed beside a run
_Text = Annotated[str, msgspec.Meta(max_length=10_000)]
_LONGEST_REASON: Final = 500
_MICROSECOND: Final = timedelta(microseconds=1)
_MINUTE_US: Final = timedelta(minutes=1) // _MICROSECOND
_DAY_US: Final = timedelta(days=1) // _MICROSECOND
_FIRST_US: Final = (datetime.min.replace(tzinfo=UTC) - EPOCH) // _MICROSECOND
_LAST_US: Final = (datetime.max.replace(tzinfo=UTC) - EPOCH) // _MICROSECOND
_QUOTED: Final = re.compile("'.*'", re.DOTALL)
"""Where msgspec repeats a value."""
_NUL: Final = b"\\u0000"
"""How JSON writes it, and no other way."""


class NewerEvents(IngestStops):
    """The topic holds events of a schema that this program does not know. Nothing of them is written or buried."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"the topic holds events of schema_version {version}; this ingest reads up to {SCHEMA_VERSION}: start the "
            "ingest of the release that the senders have; the events wait in the topic"
        )


class ReceivedEvent(LogEvent, frozen=True, kw_only=True):
    """A LogEvent as it may come in: only what a row can hold, but classes and fields of a newer sender too."""

    run_id: _Id
    page_id: _IdIfKnown
    recipient_id: _IdIfKnown
    sender_id: _Id
    attempt: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
    sent_at: Annotated[datetime, msgspec.Meta(tz=True)]
    schema_version: Annotated[int, msgspec.Meta(ge=1)]
    error_class: _Class | None = None  # type: ignore[assignment]  # a newer sender may know more classes
    error_code: _Int | None = None
    error_subcode: _Int | None = None
    error_message: _Text | None = None
    http_status: _Int | None = None
    message_id: _Text | None = None
    latency_ms: Annotated[float, msgspec.Meta(ge=-1e30, le=1e30)] | None = None
    fbtrace_id: _Text | None = None


Group = tuple[str, str, str, str | None, int]
"""Run, page, outcome, error class and minute since 1970: rows of one group count for the same figures."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """An event that can become a row."""

    partition: int
    offset: int
    raw: bytes
    copied: bytes
    """As COPY wants it: `binary_row`."""
    group: Group
    sent_at_us: int
    """Us since 1970 (UTC)."""
    latency_ms: float | None

    @property
    def event(self) -> ReceivedEvent:
        """All of it, read once more: few rows are asked, and thousands wait in memory."""
        return _decoder.decode(self.raw)

    @property
    def sent_at(self) -> datetime:
        """The same, aware and in UTC."""
        return at_us(self.sent_at_us)

    @property
    def day(self) -> date:
        """Of `sent_at`: names the partition of the table."""
        return _day(self.sent_at_us // _DAY_US)

    @property
    def identity(self) -> tuple[datetime, bytes]:
        """What is unique in the log."""
        return self.sent_at, self.event.event_id.bytes


@lru_cache(maxsize=1000)
def _day(number: int) -> date:
    return at_us(number * _DAY_US).date()


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """A message that cannot become a row."""

    partition: int
    offset: int
    raw: bytes
    reason: str
    told: str
    """The reason without anything of the message, for the log of the process."""


class _Version(msgspec.Struct):
    schema_version: int


_decoder = msgspec.json.Decoder(ReceivedEvent)
_version_decoder = msgspec.json.Decoder(_Version)


def read_message(partition: int, offset: int, value: bytes | None) -> Row | DeadLetter:
    """Return the row of a topic message, or the dead letter when it is not a log event.

    Raises:
        NewerEvents: when it is one of a newer schema, whatever else it holds.
    """
    if value is None:
        return DeadLetter(partition, offset, b"", "no value", "no value")
    try:
        event = _decoder.decode(value)
        if event.schema_version > SCHEMA_VERSION:
            raise NewerEvents(event.schema_version)
        if b"\\" in value and _NUL in value and _has_nul(event):
            raise ValueError("a text contains the character NUL, which PostgreSQL cannot store")
        sent_at_us = (event.sent_at - EPOCH) // _MICROSECOND
        if not _FIRST_US <= sent_at_us <= _LAST_US:
            raise OverflowError("sent_at is out of range in UTC")
        group = (event.run_id, event.page_id, event.outcome.value, event.error_class, sent_at_us // _MINUTE_US)
        copied = binary_row(event, sent_at_us)
        return Row(partition, offset, value, copied, _shared(group), sent_at_us, event.latency_ms)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as exc:
        _refuse_newer(value)
        reason = str(exc)[:_LONGEST_REASON]
        return DeadLetter(partition, offset, value, reason, _QUOTED.sub("'…'", reason))


def _has_nul(event: ReceivedEvent) -> bool:
    return any("\0" in value for value in asdict(event).values() if isinstance(value, str))


@lru_cache(maxsize=20_000)
def _shared(group: Group) -> Group:
    """Return the same object for equal groups."""
    return group


def refused(row: Row, reason: str, told: str) -> DeadLetter:
    """Return the dead letter of a row that the log does not take; `told` is the reason without anything of the row."""
    return DeadLetter(row.partition, row.offset, row.raw, reason[:_LONGEST_REASON], told)


def _refuse_newer(value: bytes) -> None:
    """What cannot be read may be of a newer schema: that is no reason to bury it."""
    try:
        version = _version_decoder.decode(value).schema_version
    except (msgspec.DecodeError, ValueError, RecursionError):
        return
    if version > SCHEMA_VERSION:
        raise NewerEvents(version)
