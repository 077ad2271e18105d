"""The log database: its state and clock, what is before it, its migrations, and where the log stands. Asks it."""

from __future__ import annotations

import time
from importlib.resources import files

import psycopg

from ops.board.log_query import query
from ops.doctor.database_state import PART, standing_findings, state_findings
from ops.doctor.finding import Finding, clock, judged
from ops.doctor.pooler import check_pooler
from ops.shell.detail import telling
from schema.migrate import AnothersTables, MigrationChanged, SchemaNewer, pending, shipped
from schema.runtime.asyncio_door import aio
from schema.runtime.settings import LogDatabaseSettings

_STATE, _STANDING = (
    files("ops.doctor").joinpath(f"sql/{name}.sql").read_text("utf-8") for name in ("log_database", "log_standing")
)


async def check_log_database(settings: LogDatabaseSettings) -> list[Finding]:
    """Ask it. Errors: psycopg.Error, OSError."""
    url = settings.log_database_url.get_secret_value()
    await query(url, "SELECT 1")  # connecting is not to count as the clock's difference
    before_s = time.time()
    [row] = await query(url, _STATE)
    between_s = (before_s + time.time()) / 2
    schema = await _migrations(url)
    return [
        *state_findings(row),
        clock(PART, row["now_s"], between_s),
        await _pooler(url),
        schema,
        *(await _standing(url) if schema.status == "ok" else []),
    ]


async def _pooler(url: str) -> Finding:
    try:
        return await aio(check_pooler, url)
    except psycopg.Error as exc:
        return Finding(PART, "warn", f"a second connection cannot be made: {telling(exc)}", "the ingest needs two")


async def _migrations(url: str) -> Finding:
    try:
        names = await aio(pending, url)
    except (AnothersTables, MigrationChanged, SchemaNewer) as exc:
        return Finding(PART, "fail", str(exc))
    except psycopg.Error as exc:
        return Finding(PART, "fail", f"its migrations cannot be read: {telling(exc)}")
    current = f"its schema is current, {shipped()[-1].name}"
    lacking = f"it lacks {', '.join(names)}"
    return judged(PART, not names, current, otherwise=lacking, mend="newar migrate", status="fail")


async def _standing(url: str) -> list[Finding]:
    try:
        [row] = await query(url, _STANDING)
    except psycopg.Error as exc:
        return [Finding(PART, "fail", f"the log cannot be read: {telling(exc)}", "see what is said of its login")]
    return standing_findings(row)
