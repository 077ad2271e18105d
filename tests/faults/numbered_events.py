"""Events that follow from their number, so that millions of rows are checked by a few sums."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from schema.event import SCHEMA_VERSION, LogEvent, encode_event
from schema.outcomes import ErrorClass, Outcome

_PAGES = 200
_TWICE_KNOWN = 50
"""Every so many-th attempt is first told to be unknown, and then how it really ended."""
_UNTIL_TOLD = 400
"""Events later."""


def numbered_events(count: int, began: datetime) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of each event of so many attempts."""
    for number in range(count + _UNTIL_TOLD):
        if number < count:
            known = number % _TWICE_KNOWN != 0
            yield _event(number, began, *(_ending(number) if known else (Outcome.UNKNOWN, ErrorClass.AMBIGUOUS)))
        earlier = number - _UNTIL_TOLD
        if earlier >= 0 and earlier % _TWICE_KNOWN == 0:
            yield _event(earlier, began, *_ending(earlier))


def events_of(count: int) -> int:
    """Return how many events so many attempts have."""
    return count + -(-count // _TWICE_KNOWN)


def _ending(number: int) -> tuple[Outcome, ErrorClass | None]:
    return (Outcome.SENT, None) if number % 7 else (Outcome.FAILED, ErrorClass.RECIPIENT_WINDOW)


def _event(number: int, began: datetime, outcome: Outcome, error_class: ErrorClass | None) -> tuple[bytes, bytes]:
    page = number % _PAGES
    event = LogEvent(
        event_id=UUID(int=number),
        run_id=f"run-{page}",
        page_id=str(page),
        recipient_id=str(number),
        attempt=1,
        outcome=outcome,
        sent_at=began + timedelta(microseconds=100 * number),
        sender_id="sender-1",
        schema_version=SCHEMA_VERSION,
        error_class=error_class,
        latency_ms=number % 1000 + 0.1,
    )
    return str(page).encode(), encode_event(event)


_ROWS = """
    SELECT count(*), count(DISTINCT recipient_id::bigint), min(recipient_id::bigint), max(recipient_id::bigint),
        count(*) FILTER (WHERE outcome <> CASE WHEN recipient_id::bigint % 7 = 0 THEN 'failed' ELSE 'sent' END)
    FROM message_logs
"""
_DIFFERENT_RUNS = """
    SELECT count(*) FROM (
        SELECT run_id, outcome, coalesce(error_class, '') AS error_class, count(*) AS messages
        FROM message_logs GROUP BY 1, 2, 3
    ) counted FULL JOIN (SELECT * FROM run_figures WHERE messages <> 0) kept USING (run_id, outcome, error_class)
    WHERE counted.messages IS DISTINCT FROM kept.messages
"""
_DIFFERENT_PAGES = """
    SELECT count(*) FROM (
        SELECT page_id, run_id, date_trunc('minute', sent_at, 'UTC') AS at, outcome,
            coalesce(error_class, '') AS error_class, count(*) AS messages,
            count(*) FILTER (WHERE latency_bucket(latency_ms) = 0) AS quick,
            count(*) FILTER (WHERE latency_bucket(latency_ms) = 10) AS slow
        FROM message_logs GROUP BY 1, 2, 3, 4, 5
    ) counted FULL JOIN (SELECT * FROM page_figures WHERE messages <> 0) kept
        USING (page_id, run_id, at, outcome, error_class)
    WHERE (counted.messages, quick, slow) IS DISTINCT FROM (kept.messages, latencies[1], latencies[11])
"""
_DIFFERENT_ALL_PAGES = """
    SELECT count(*) FROM (
        SELECT date_trunc('minute', sent_at, 'UTC') AS at, outcome, coalesce(error_class, '') AS error_class,
            count(*) AS messages
        FROM message_logs GROUP BY 1, 2, 3
    ) counted FULL JOIN (
        SELECT at, outcome, error_class, sum(messages) AS messages FROM log_figures
        GROUP BY 1, 2, 3 HAVING sum(messages) <> 0
    ) kept USING (at, outcome, error_class)
    WHERE counted.messages IS DISTINCT FROM kept.messages
"""


def broken_promises(url: str, count: int) -> list[str]:
    """Return what is wrong with the rows and figures of so many attempts, in words; nothing, when all is right."""
    with psycopg.connect(url) as connection:

        def ask(statement: str) -> Any:
            return connection.execute(statement.encode()).fetchone()

        found = {
            "rows, distinct, first, last, wrong outcome": (ask(_ROWS), (count, count, 0, count - 1, 0)),
            "figures of runs that differ from a recount": (ask(_DIFFERENT_RUNS), (0,)),
            "figures of pages that differ from a recount": (ask(_DIFFERENT_PAGES), (0,)),
            "figures of all pages that differ from a recount": (ask(_DIFFERENT_ALL_PAGES), (0,)),
            "dead letters": (ask("SELECT count(*) FROM message_log_dead_letters"), (0,)),
        }
    return [f"{what}: {is_so}, not {wanted}" for what, (is_so, wanted) in found.items() if is_so != wanted]
