"""The log database: version, migrations, permissions, clock, and whether it keeps what it committed."""

from __future__ import annotations

import time
from importlib.resources import files

from psycopg.rows import DictRow

from ops.api.log_query import query
from ops.doctor.finding import Finding, clock, judged
from schema.migrate import MigrationChanged, pending
from schema.runtime.asyncio_door import aio
from schema.runtime.settings import LogDatabaseSettings

PART = "log database"
_OLDEST = 150_000
_QUERY = files("ops.doctor").joinpath("sql/log_database.sql").read_text("utf-8")


async def check_log_database(settings: LogDatabaseSettings) -> list[Finding]:
    """Ask it. Errors: psycopg.Error, OSError."""
    url = settings.log_database_url.get_secret_value()
    await query(url, "SELECT 1")  # connecting is not to count as the clock's difference
    before_s = time.time()
    [row] = await query(url, _QUERY)
    between_s = (before_s + time.time()) / 2
    return [
        judged(
            PART,
            row["version_num"] >= _OLDEST,
            f"PostgreSQL {row['version']}",
            otherwise=f"PostgreSQL {row['version']}",
            mend="use PostgreSQL 15 or newer",
            status="fail",
        ),
        await _migrations(url),
        _permissions(row),
        clock(PART, row["now_s"], between_s),
        judged(
            PART,
            row["fsync"] and row["synchronous"],
            "keeps what it committed",
            otherwise="may lose committed rows in a crash",
            mend="fsync = on, synchronous_commit = on",
            status="warn",
        ),
    ]


async def _migrations(url: str) -> Finding:
    try:
        names = await aio(pending, url)
    except MigrationChanged as exc:
        return Finding(PART, "fail", str(exc))
    lacking = f"it lacks {', '.join(names)}"
    return judged(PART, not names, "its schema is current", otherwise=lacking, mend="newar migrate", status="fail")


def _permissions(row: DictRow) -> Finding:
    """The login writes rows, and makes and drops partitions, which only their owner may."""
    wants = "this login cannot write" if row["standby"] else "this login cannot make partitions"
    mend = "point LOG_DATABASE_URL to the primary" if row["standby"] else "GRANT CREATE ON SCHEMA public TO this login"
    if row["owns_log"] is False:
        wants, mend = (
            "this login does not own message_logs",
            "use the login that ran newar migrate, or make it a member",
        )
    good = row["may_create"] and row["owns_log"] is not False and not row["standby"]
    return judged(
        PART, good, "this login may write, and make and drop partitions", otherwise=wants, mend=mend, status="fail"
    )
