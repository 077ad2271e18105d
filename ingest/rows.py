"""From the bytes of a topic message to a row for COPY, or to a dead letter with the reason. Pure; no I/O here."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Final

import msgspec

from ingest.binary_row import binary_row, stored_latency
from ingest.stops import IngestStops
from ingest.tally import Counted
from schema.event import SCHEMA_VERSION, LogEvent

_Int = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]  # indexed: a btree entry ends at 2.7 kB
_IdIfKnown = Annotated[str, msgspec.Meta(max_length=500)]  # a record that cannot be decoded does not say whose it is
_Class = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]  # indexed beside a run
_Text = Annotated[str, msgspec.Meta(max_length=10_000)]
_LONGEST_REASON: Final = 500


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


class Row(msgspec.Struct, frozen=True, gc=False):
    """An event that can become a row."""

    partition: int
    offset: int
    raw: bytes
    event: ReceivedEvent
    sent_at: datetime
    """Of the event, in UTC."""
    latency_ms: float | None
    """Of the event, as it is stored."""
    copied: bytes
    """As COPY wants it: `binary_row`."""

    @property
    def day(self) -> date:
        """Names the partition of the table."""
        return self.sent_at.date()

    @property
    def counted(self) -> Counted:
        """What the figures need of it."""
        event = self.event
        return Counted(
            event.run_id, event.page_id, event.recipient_id, event.outcome.value, event.error_class, self.latency_ms,
            self.sent_at,
        )  # fmt: skip

    @property
    def identity(self) -> tuple[datetime, bytes]:
        """What is unique in the log."""
        return self.sent_at, self.event.event_id.bytes


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """A message that cannot become a row."""

    partition: int
    offset: int
    raw: bytes
    reason: str


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
        return DeadLetter(partition, offset, b"", "no value")
    try:
        event = _decoder.decode(value)
        if event.schema_version > SCHEMA_VERSION:
            raise NewerEvents(event.schema_version)
        sent_at = event.sent_at.astimezone(UTC)
        latency_ms = stored_latency(event.latency_ms)
        return Row(partition, offset, value, event, sent_at, latency_ms, binary_row(event, sent_at, latency_ms))
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as exc:
        _refuse_newer(value)
        return DeadLetter(partition, offset, value, str(exc)[:_LONGEST_REASON])


def refused(row: Row, reason: str) -> DeadLetter:
    """Return the dead letter of a row that the database does not take."""
    return DeadLetter(row.partition, row.offset, row.raw, reason[:_LONGEST_REASON])


def _refuse_newer(value: bytes) -> None:
    """What cannot be read may be of a newer schema: that is no reason to bury it."""
    try:
        version = _version_decoder.decode(value).schema_version
    except (msgspec.DecodeError, ValueError, RecursionError):
        return
    if version > SCHEMA_VERSION:
        raise NewerEvents(version)
