"""`newar bench queries`: how long the first rows of each question to the log take, on days filled with rows."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import trio
from psycopg.rows import DictRow, dict_row

from ops.bench.log_days import fill_day, open_days
from ops.bench.percentiles import Percentiles
from ops.local.servers import open_servers
from ops.message_log.kept_connections import KeptConnections
from ops.message_log.log_rows import read_rows
from ops.message_log.question import question
from schema.runtime.asyncio_door import aio

_SQL = files("ops.bench")
CODES = ("2", "10", "551", "77")
"""Error codes of the rows, and one that none has."""
Filters = dict[str, str]
QUESTIONS: dict[str, Callable[[DictRow], Filters]] = {
    "recipient": lambda d: {"recipient": d["recipient"]},
    "recipient, run": lambda d: {"recipient": d["recipient"], "run": d["run"]},
    "message": lambda d: {"message": d["message"]},
    "run": lambda d: {"run": d["run"]},
    "run, outcome": lambda d: {"run": d["run"], "outcome": d["outcome"]},
    "run, class": lambda d: {"run": d["run"], "class": d["class"] or "transient"},
    "largest run": lambda d: {"run": _largest(d)},
    "largest run, sent": lambda d: {"run": _largest(d), "outcome": "sent"},
    "failures of a run": lambda d: {"failures": "1", "run": d["run"]},
    "failures of the largest run": lambda d: {"failures": "1", "run": _largest(d)},
    "failures of the largest run, code": lambda d: {"failures": "1", "run": _largest(d), "code": _code()},
    "page": lambda d: {"page": str(d["page"])},
    "page, hour": lambda d: {"page": str(d["page"]), **_hour(d)},
    "failures of a page": lambda d: {"failures": "1", "page": str(d["page"])},
    "failures of a page, code": lambda d: {"failures": "1", "page": str(d["page"]), "code": _code()},
    "failures": lambda _: {"failures": "1"},
    "failures, code": lambda _: {"failures": "1", "code": _code()},
}


@dataclass(frozen=True, kw_only=True)
class QueriesOptions:
    """How much there is, and how often it is asked for."""

    rows: int = 2_000_000
    """Of each day."""
    days: int = 2
    asked: int = 100
    """Questions of each kind, cold and warm each."""
    limit: int = 100


@dataclass(frozen=True, kw_only=True)
class QueriesFigures:
    """How long the answers to one kind of question took. Cold: the files were out of the system's cache before."""

    question: str
    cold: Percentiles
    cold_max_ms: float
    warm: Percentiles
    warm_max_ms: float
    rows: float
    """In an answer, on average."""


@dataclass(frozen=True, kw_only=True)
class QueriesReport:
    """All that was seen."""

    fill_s: float
    questions: list[QueriesFigures]
    size_mb: dict[str, float]
    """Of a day's table and of each of its indexes."""


async def bench_queries(options: QueriesOptions) -> QueriesReport:
    """Return what was measured. Runs inside the asyncio loop's block."""
    with tempfile.TemporaryDirectory(prefix="newar-bench-") as folder:
        async with open_servers(Path(folder), {"postgres"}, durable=False) as local:
            url, began = str(local.postgres_url), trio.current_time()
            today = await aio(open_days, url, options.days)
            days = [today - timedelta(days=n + 1) for n in range(options.days)]
            await trio.to_thread.run_sync(_fill, url, days, options.rows)
            fill_s = trio.current_time() - began
            connections = KeptConnections(url)
            try:
                found = [await _measure(connections, name, options, url, Path(folder)) for name in QUESTIONS]
                sizes = await connections.ask(_SQL.joinpath("queries_sizes.sql").read_text("utf-8"))
            finally:
                with trio.CancelScope(shield=True):
                    await connections.close()
    size_mb = {row["name"]: round(float(row["bytes"]) / 1e6, 1) for row in sizes}
    return QueriesReport(fill_s=round(fill_s, 1), questions=found, size_mb=size_mb)


async def _measure(
    connections: KeptConnections, name: str, options: QueriesOptions, url: str, data: Path
) -> QueriesFigures:
    drawn = await connections.ask(_SQL.joinpath("queries_draw.sql").read_text("utf-8"), {"many": 2 * options.asked})
    await trio.to_thread.run_sync(_forget_files, url, data)
    times: list[float] = []
    rows = 0
    for n, draw in enumerate(drawn):
        filters: dict[str, str | None] = {**QUESTIONS[name](draw)}
        if n % 2 and name != "message":  # every other one goes on from the middle of a list
            filters["after"] = f"{draw['at'].isoformat()}_{'0' * 8}-0000-0000-0000-{'0' * 12}"
        began = trio.current_time()
        answer = await read_rows(connections.ask, question(filters), options.limit)
        times.append(trio.current_time() - began)
        rows += len(answer.rows)
    half = len(times) // 2
    cold, warm = times[:half], times[half:]
    return QueriesFigures(
        question=name,
        cold=Percentiles.of(cold),
        cold_max_ms=round(max(cold) * 1000, 1),
        warm=Percentiles.of(warm),
        warm_max_ms=round(max(warm) * 1000, 1),
        rows=round(rows / len(times), 1),
    )


def _fill(url: str, days: Iterable[date], rows: int) -> None:
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        for day in days:
            fill_day(connection, day, rows)
        connection.execute(_SQL.joinpath("queries_figures.sql").read_bytes())
        connection.execute("ANALYZE")


def _forget_files(url: str, data: Path) -> None:
    """Let the system forget what it has read of the database's files; the server's own 128 MB stay as they are."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    for path in data.rglob("base/*/*"):
        file = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)


def _largest(draw: dict[str, Any]) -> str:
    return f"{draw['run'].partition('-')[0]}-0-0"


def _code() -> str:
    return random.choice(CODES)  # noqa: S311 - nothing is secret here


def _hour(draw: dict[str, Any]) -> Filters:
    begin = draw["at"].replace(minute=0, second=0, microsecond=0)
    return {"from": begin.isoformat(), "to": (begin + timedelta(hours=1)).isoformat()}
