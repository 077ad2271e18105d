"""A log with rows of two days, once for all questions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from ops.bench.log_days import fill_day, open_days
from tests.integration.log_figures import count_again

ROWS = 50_000


@dataclass(frozen=True)
class FilledLog:
    """Where it is, and its two days."""

    url: str
    older: date
    newer: date

    def ask(self, statement: str, params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a statement."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), params).fetchall()


@pytest.fixture(scope="session")
def filled_log(local_servers: dict[str, Any]) -> Iterator[FilledLog]:
    """A log of two days with rows, a week of empty ones before and a month behind them."""
    server, name = local_servers["postgres_url"], f"test_{uuid4().hex[:12]}"
    url = f"{server.rsplit('/', 1)[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        today = asyncio.run(open_days(url, 2))
        older, newer = today - timedelta(days=2), today - timedelta(days=1)
        with psycopg.connect(url, autocommit=True) as connection:
            for day in (older, newer):
                fill_day(connection, day, ROWS)
            count_again(connection)
        yield FilledLog(url, older, newer)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
