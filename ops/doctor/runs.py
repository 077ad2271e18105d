"""Runs that ask to be sent and are not: they wait, were refused, or will never be taken as they are."""

from __future__ import annotations

from importlib.resources import files

from psycopg.errors import UndefinedTable
from psycopg.rows import DictRow

from ops.board.log_query import query
from ops.doctor.finding import Finding
from schema.runtime.settings import LogDatabaseSettings

PART = "runs"
_SHOWN = 5
_QUERY = files("ops.doctor").joinpath("sql/not_taken.sql").read_text("utf-8")


async def check_runs(settings: LogDatabaseSettings) -> list[Finding]:
    """Ask the log database. Errors: psycopg.Error, OSError."""
    try:
        return not_sent(await query(settings.log_database_url.get_secret_value(), _QUERY))
    except UndefinedTable:
        return []  # that its schema is old is told of the log database


def not_sent(rows: list[DictRow]) -> list[Finding]:
    """Say of each, up to a few, why. Pure."""
    found = [Finding(PART, "warn", f"{row['run_id']}: {row['reason']}") for row in rows[:_SHOWN]]
    if more := len(rows) - len(found):
        found.append(Finding(PART, "warn", f"{more} more wait, were refused or are not taken", "newar run list"))
    return found or [Finding(PART, "ok", "none waits for its recipients, was refused lately or is not taken")]
