"""Days of the log as a test wants them, and who else uses them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from ingest.days.arithmetic import partition_name
from ingest.days.listing import list_partitions
from schema.runtime.asyncio_door import aio

LOG = "message_logs"
INSERT = (
    "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, sender_id, sent_at) "
    "VALUES (gen_random_uuid(), 'r', '1', '2', 1, 'sent', 's', {})"
)


def ago(days: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=days)


def name(days_ago: int) -> str:
    return partition_name(ago(days_ago))


async def days(connection: psycopg.AsyncConnection[Any]) -> list[date]:
    return [p.day for p in await aio(list_partitions, connection)]


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def tables(url: str) -> list[str]:
    """The tables with a day's name, whether or not they are part of the log."""
    with psycopg.connect(url) as connection:
        query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'message\\_logs\\_2%' ORDER BY 1"
        return [found for (found,) in connection.execute(query)]


@contextmanager
def reader(url: str, query: str = "SELECT count(*) FROM message_logs") -> Iterator[psycopg.Connection[Any]]:
    """Somebody who has read and stays in the transaction."""
    with psycopg.connect(url, application_name="long reader") as connection:
        connection.execute(query.encode())
        yield connection
        connection.rollback()


def shifted_clock(url: str) -> None:
    """Give the database a clock that `shift_clock` moves, for whoever connects from now on."""
    database = url.rsplit("/", 1)[1]
    run(
        url,
        "CREATE TABLE clock AS SELECT interval '0' AS ahead",
        "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql STABLE "
        "AS 'SELECT pg_catalog.now() + ahead FROM public.clock'",
        f"ALTER DATABASE {database} SET search_path = public, pg_catalog",
    )


def shift_clock(url: str, days_ahead: int) -> None:
    run(url, f"UPDATE clock SET ahead = '{days_ahead} days'")  # noqa: S608
