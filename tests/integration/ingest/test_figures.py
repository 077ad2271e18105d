"""The figures beside the rows: equal to a recount whatever is written, and folded without losing any."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from ingest.days.making import ensure_days
from ingest.keeping.fold import fold_minutes
from ingest.writing.writer import Writer
from schema.latency_edges import EDGES_MS
from schema.migrate import migrate, shipped
from schema.outcomes import ErrorClass, Outcome
from schema.runtime.asyncio_door import aio
from tests.integration.ingest.events import LOG, batch, event, fetch, figures, recount

OUTCOMES = [(Outcome.SENT, None), (Outcome.FAILED, ErrorClass.BAD_PAYLOAD), (Outcome.RETRYING, ErrorClass.TRANSIENT),
            (Outcome.UNKNOWN, ErrorClass.AMBIGUOUS), (Outcome.FAILED, ErrorClass.RECIPIENT_PERMANENT)]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
async def test_they_equal_a_recount_after_anything(writer: Writer, log_database_url: str, seed: int) -> None:
    made = random.Random(seed)  # noqa: S311 - a seed, no secret
    now = datetime.now(UTC)
    attempts = [(uuid4(), now - timedelta(seconds=made.uniform(0, 200_000))) for _ in range(300)]
    edges = [ms + change for ms in EDGES_MS for change in (-0.001, 0, 0.001)]
    offset = 0
    for _ in range(8):
        values = []
        for _ in range(made.randrange(1, 120)):
            number, (outcome, error_class) = made.randrange(len(attempts)), made.choice(OUTCOMES)
            event_id, sent_at = attempts[number]
            latency_ms = made.choice([None, made.lognormvariate(5, 2), made.choice(edges)])
            values.append(event(number, sent_at, event_id=event_id, run_id=f"run-{number % 3}", outcome=outcome,
                                error_class=error_class, latency_ms=latency_ms))  # fmt: skip
        await aio(writer.write, LOG, batch(0, offset, values))
        offset += len(values)
        assert figures(log_database_url) == recount(log_database_url)
        await fold(log_database_url)
        assert figures(log_database_url) == recount(log_database_url)
    old = "SELECT count(*) FROM page_figures WHERE step_s = 60 AND at < now() - interval '1 day'"
    assert fetch(log_database_url, old) == [(0,)]
    assert fetch(log_database_url, "SELECT count(*) > 0 FROM page_figures WHERE step_s = 3600") == [(True,)]


async def fold(url: str) -> None:
    async def do() -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await fold_minutes(connection)

    await aio(do)


async def test_they_outlive_the_rows(writer: Writer, log_database_url: str) -> None:
    await aio(writer.write, LOG, batch(0, 0, [event(n) for n in range(20)]))
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM message_logs")
    assert fetch(log_database_url, "SELECT run_id, outcome, messages FROM run_figures") == [("run-1", "sent", 20)]


async def test_an_ingest_of_a_former_release_waits(writer: Writer, log_database_url: str) -> None:
    with psycopg.connect(log_database_url) as former, pytest.raises(psycopg.errors.RaiseException, match="replace it"):
        former.execute("UPDATE ingest_offsets SET next_offset = 5")


async def test_of_a_log_that_is_there_already_they_are_made(asyncio_loop: Any, postgres_url: str) -> None:
    await aio(migrate, postgres_url, [one for one in shipped() if one.name < "0011"])
    first = datetime.now(UTC) - timedelta(days=2)

    async def fill() -> None:
        async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
            await ensure_days(connection, {(first + timedelta(days=n)).date() for n in range(3)})
            await connection.execute(
                """
                INSERT INTO message_logs
                    (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class, sent_at, sender_id,
                    latency_ms)
                SELECT gen_random_uuid(), 'run-' || n %% 3, (n %% 4)::text, n::text, 1,
                    CASE n %% 5 WHEN 0 THEN 'failed' ELSE 'sent' END, CASE n %% 5 WHEN 0 THEN 'bad_payload' END,
                    %s::timestamptz + n * interval '10 minutes', 's', n
                FROM generate_series(0, 280) n
                """,
                [first],
            )

    await aio(fill)
    await aio(migrate, postgres_url)
    assert figures(postgres_url)[1:] == recount(postgres_url)[1:]
    steps = fetch(postgres_url, "SELECT step_s, sum(messages)::int FROM log_figures GROUP BY 1 ORDER BY 1")
    assert steps == fetch(postgres_url, "SELECT step_s, sum(messages)::int FROM page_figures GROUP BY 1 ORDER BY 1")
    assert [step_s for step_s, _ in steps] == [60, 3600]


def test_the_edges_are_those_of_the_database(log_database_url: str) -> None:
    asked: list[Any] = [float(n) for edge in EDGES_MS for n in (edge - 0.5, edge)]
    with psycopg.connect(log_database_url) as connection:
        rows = connection.execute("SELECT latency_bucket(ms) FROM unnest(%s::real[]) ms", [asked]).fetchall()
    assert [bucket for (bucket,) in rows] == [n + more for n in range(len(EDGES_MS)) for more in (0, 1)]
