"""Events as senders make them, what the log has of them, and how to wait for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import trio
from msgspec.structs import replace

from ingest.writing.batch import Batch
from ingest.writing.rows import read_message
from schema.event import LogEvent, encode_event
from schema.outcomes import Outcome
from schema.topic import Log
from tests.patience import patience_s

LOG = Log("cluster-1", "topic-1", "id-1")


def event(number: int, sent_at: datetime | None = None, **changes: Any) -> bytes:
    made = LogEvent(
        event_id=uuid4(),
        run_id="run-1",
        page_id=str(1000 + number % 20),
        recipient_id=str(number),
        attempt=1,
        outcome=Outcome.SENT,
        sent_at=sent_at or datetime.now(UTC),
        sender_id="sender-1",
        schema_version=1,
        message_id=f"m_{number}",
        latency_ms=float(number % 500),
    )
    return encode_event(replace(made, **changes))


def batch(partition: int, start: int, values: Iterable[bytes]) -> Batch:
    made = Batch()
    read = [read_message(partition, start + n, value) for n, value in enumerate(values)]
    made.add(partition, (start, start + len(read)), read, 0.0)
    return made


def fetch(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def recipients(url: str) -> list[int]:
    return [int(number) for (number,) in fetch(url, "SELECT recipient_id FROM message_logs ORDER BY recipient_id::int")]


_COUNTED = ("page_id, run_id, outcome, error_class", "outcome, error_class")
_KEPT = """
    SELECT {by}, sum(messages)::int, array_agg(counts ORDER BY edge) FROM (
        SELECT {by}, sum(messages) FILTER (WHERE edge = 1) AS messages, edge, sum(count)::int AS counts
        FROM {table}, unnest(latencies) WITH ORDINALITY AS l (count, edge) GROUP BY {by}, edge
    ) edges GROUP BY {by} HAVING sum(messages) <> 0 ORDER BY {by}
"""
_RECOUNTED = """
    SELECT {by}, sum(n)::int, array_agg(counts ORDER BY edge) FROM (
        SELECT {by}, edge, count(*) FILTER (WHERE edge = 0) AS n,
            (count(*) FILTER (WHERE latency_bucket(latency_ms) = edge))::int AS counts
        FROM generate_series(0, 23) edge, (
            SELECT page_id, run_id, outcome, coalesce(error_class, '') AS error_class, latency_ms FROM message_logs
        ) l
        GROUP BY {by}, edge
    ) edges GROUP BY {by} ORDER BY {by}
"""


def figures(url: str) -> list[list[tuple[Any, ...]]]:
    """The figures of runs, and those of pages and of all of them, minutes and hours added up."""
    return [
        fetch(
            url, "SELECT run_id, outcome, error_class, messages FROM run_figures WHERE messages <> 0 ORDER BY 1, 2, 3"
        ),
        *(
            fetch(url, _KEPT.format(by=by, table=table))
            for by, table in zip(_COUNTED, ("page_figures", "log_figures"), strict=True)
        ),
    ]


def recount(url: str) -> list[list[tuple[Any, ...]]]:
    """The same, from the rows of the log."""
    return [
        fetch(
            url,
            "SELECT run_id, outcome, coalesce(error_class, ''), count(*) FROM message_logs "
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        ),
        *(fetch(url, _RECOUNTED.format(by=by)) for by in _COUNTED),
    ]


def ingested(url: str) -> int:
    [(count,)] = fetch(url, "SELECT coalesce(sum(next_offset), 0) FROM ingest_offsets")
    return int(count)


def waits_for_the_dead_letters(url: str) -> bool:
    """Somebody has stored his rows and waits at the last step before the commit."""
    query = "SELECT 1 FROM pg_locks WHERE relation = 'message_log_dead_letters'::regclass AND NOT granted"
    return bool(fetch(url, query))


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(patience_s()):
        while not condition():  # noqa: ASYNC110 - the change is in another process
            await trio.sleep(0.02)
