"""What rows add to the figures, and whom they say to be gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from ingest.writing.rows import Row, read_message
from ingest.writing.tally import Tally
from schema.event import SCHEMA_VERSION, LogEvent, encode_event
from schema.latency_edges import EDGES_MS
from schema.outcomes import ErrorClass, Outcome

AT = datetime(2026, 11, 22, 10, 0, 59, tzinfo=UTC)


def row(seconds: float = 0, **changes: Any) -> Row:
    event = LogEvent(
        event_id=uuid4(),
        sent_at=AT + timedelta(seconds=seconds),
        sender_id="sender-1",
        schema_version=SCHEMA_VERSION,
        attempt=1,
        **{"run_id": "run-1", "page_id": "1", "recipient_id": "2", "outcome": Outcome.SENT, **changes},
    )
    found = read_message(0, 0, encode_event(event))
    assert isinstance(found, Row)
    return found


def add(tally: Tally, rows: list[Row]) -> None:
    for one in rows:
        tally.add(one)


def histogram(*latencies_ms: float) -> str:
    counts = [sum(edge <= ms < above for ms in latencies_ms) for edge, above in zip(
        (0, *EDGES_MS), (*EDGES_MS, float("inf")), strict=True
    )]  # fmt: skip
    return "{" + ",".join(map(str, counts)) + "}"


def test_rows_count_for_their_run_and_in_their_minute_for_their_page_and_for_all() -> None:
    tally = Tally()
    failed: dict[str, Any] = {"outcome": Outcome.FAILED, "error_class": ErrorClass.BAD_PAYLOAD}
    add(tally, [row(latency_ms=100.0), row(1, latency_ms=99.9), row(0.5), row(2, **failed), row(2, run_id="run-0")])
    assert tally.runs() == {
        "run_ids": ["run-0", "run-1", "run-1"],
        "outcomes": ["sent", "failed", "sent"],
        "classes": ["", "bad_payload", ""],
        "messages": [1, 1, 3],
        "first_at": [AT + timedelta(seconds=s) for s in (2, 2, 0)],
        "last_at": [AT + timedelta(seconds=s) for s in (2, 2, 1)],
    }
    minutes = [datetime(2026, 11, 22, 10, minute, tzinfo=UTC) for minute in (0, 1, 1)]
    assert tally.all_pages() == {
        "minutes": minutes,
        "outcomes": ["sent", "failed", "sent"],
        "classes": ["", "bad_payload", ""],
        "all_messages": [2, 1, 2],
        "all_latencies": [histogram(100.0), histogram(), histogram(99.9)],
    }
    assert tally.pages() == {
        "page_ids": ["1", "1", "1", "1"],
        "run_ids": ["run-1", "run-0", "run-1", "run-1"],
        "kinds": [1, 3, 2, 3],
        "messages": [2, 1, 1, 1],
        "latencies": [histogram(100.0), histogram(), histogram(), histogram(99.9)],
    }


def test_what_a_corrected_row_had_counted_for_is_taken_back() -> None:
    tally = Tally()
    was, now = row(outcome=Outcome.UNKNOWN, latency_ms=30.0), row(latency_ms=40.0)
    add(tally, [now])
    tally.take_back(was.group, was.sent_at_us, was.latency_ms)
    assert dict(zip(tally.runs()["outcomes"], tally.runs()["messages"], strict=True)) == {"sent": 1, "unknown": -1}
    assert tally.pages()["latencies"][1] == histogram(30.0).replace("1", "-1")


def test_those_with_a_permanent_error_are_gone_since_the_last_one() -> None:
    gone: dict[str, Any] = {"outcome": Outcome.FAILED, "error_class": ErrorClass.RECIPIENT_PERMANENT}
    tally = Tally()
    add(tally, [
        row(2, recipient_id="7", run_id="b", **gone),
        row(1, recipient_id="7", run_id="a", **gone),
        row(1, recipient_id="", **gone),
        row(1, recipient_id="8", outcome=Outcome.RETRYING, error_class=ErrorClass.RECIPIENT_PERMANENT),
        row(1, recipient_id="9"),
    ])  # fmt: skip
    assert tally.gone() == {
        "page_ids": ["1"], "recipient_ids": ["7"], "since": [AT + timedelta(seconds=2)], "run_ids": ["b"],
    }  # fmt: skip


def test_nothing_adds_nothing() -> None:
    nothing = Tally()
    assert (nothing.runs(), nothing.all_pages(), nothing.gone()) == ({}, {}, {})
