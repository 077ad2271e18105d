"""Events as senders make them, for benchmarks of the log path."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from uuid import UUID

from schema.event import SCHEMA_VERSION, LogEvent
from schema.outcomes import ErrorClass, Outcome

_US_APART = 100


def make_events(count: int, *, pages: int, failures: float, since: datetime) -> list[LogEvent]:
    """Return so many events, about 0.1 ms apart, of one run on each page; equal arguments give equal events."""
    chance = random.Random(0)  # noqa: S311 - repeatable, no secret
    return [
        make_event(
            chance,
            number,
            page=chance.randrange(pages),
            failed=chance.random() < failures,
            at=since + timedelta(microseconds=_US_APART * number + chance.randrange(50_000)),
        )
        for number in range(count)
    ]


def make_event(chance: random.Random, number: int, *, page: int, failed: bool, at: datetime) -> LogEvent:
    """Return one event; a failed one says that the person is outside of the window."""
    return LogEvent(
        event_id=UUID(int=chance.getrandbits(128)),
        run_id=f"broadcast-{page:06d}-0f8fad5b",
        page_id=str(1_000_000_000_000 + page),
        recipient_id=str(7_000_000_000_000_000 + number),
        attempt=1,
        outcome=Outcome.FAILED if failed else Outcome.SENT,
        sent_at=at,
        sender_id="sender-0f8fad5bd9cb",
        schema_version=SCHEMA_VERSION,
        error_class=ErrorClass.RECIPIENT_WINDOW if failed else None,
        error_code=10 if failed else None,
        error_subcode=2018278 if failed else None,
        error_message="(#10) This message is sent outside of allowed window." if failed else None,
        http_status=400 if failed else 200,
        message_id=None if failed else f"m_{chance.getrandbits(480):0120x}",
        latency_ms=round(chance.lognormvariate(5.5, 0.4), 3),
        fbtrace_id=f"A{chance.getrandbits(60):015x}" if failed else None,
    )
