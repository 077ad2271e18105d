"""The log event: one object per attempt, the value of a topic message and a row of `message_logs`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from schema.outcomes import ErrorClass, Outcome

SCHEMA_VERSION = 1
MAX_ERROR_MESSAGE = 500
"""Characters kept of an error's text."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""What moments are counted from."""


class LogEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened to one attempt. Field names are the columns of `message_logs`."""

    event_id: UUID
    run_id: str
    page_id: str
    recipient_id: str
    attempt: int
    """0: ended without ever leaving; otherwise the number of its mark."""
    outcome: Outcome
    sent_at: datetime
    """Redis time of the mark; of the settlement when nothing was sent. Aware, UTC. Chooses the day's partition."""
    sender_id: str
    """The process that settled the attempt."""
    schema_version: int
    error_class: ErrorClass | None = None
    error_code: int | None = None
    error_subcode: int | None = None
    error_message: str | None = None
    http_status: int | None = None
    message_id: str | None = None
    latency_ms: float | None = None
    fbtrace_id: str | None = None


def at_us(microseconds: int) -> datetime:
    """Turn microseconds since 1970 (UTC) into an aware datetime, exactly."""
    return EPOCH + timedelta(microseconds=microseconds)


_encoder = msgspec.json.Encoder()


def encode_event(event: LogEvent) -> bytes:
    """Return the final bytes of an event: what the topic carries and the ingest reads."""
    return _encoder.encode(event)
