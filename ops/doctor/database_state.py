"""What PostgreSQL says of itself, and what each of it may cost the log. Pure: judges a row of sql/log_database.sql."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ops.doctor.finding import Finding, judged
from ops.doctor.quantities import how_large, how_long
from schema.runtime.database_refusals import NEW_DATABASE

PART = "log database"
_OLDEST = 150_000
_LEAST_MS = {
    "statement_timeout": 60_000,
    "lock_timeout": 5_000,
    "idle_in_transaction_session_timeout": 60_000,
    "transaction_timeout": 60_000,
}
"""What our longest statements and transactions need: submitting a large run, listing who was not reached."""
_LEAST_BATCH_MS = 10_000
"""With less, a batch of the ingest may not come through on a busy server, and the log stands still."""
_FEW_CONNECTIONS = 10
"""About what one of each service uses."""
_OLD_AGE = 1_000_000_000
"""Transactions; at 2.1 milliards PostgreSQL takes no writes: its manual, "Preventing Transaction ID Wraparound"."""


def state_findings(row: Mapping[str, Any]) -> list[Finding]:
    """Judge the server, this login there, and how safely it keeps what it commits."""
    return [
        _version(row),
        *_encoding(row),
        _permissions(row),
        *_timeouts(row),
        _connections(row),
        *_kept(row),
        *_housekeeping(row),
    ]


def _version(row: Mapping[str, Any]) -> Finding:
    text = f"PostgreSQL {row['version']}"
    mend = "use PostgreSQL 15 or newer"
    return judged(PART, row["version_num"] >= _OLDEST, text, otherwise=text, mend=mend, status="fail")


def _encoding(row: Mapping[str, Any]) -> Iterator[Finding]:
    if row["encoding"] != "UTF8":
        text = f"its encoding is {row['encoding']}, which cannot hold every text"
        yield Finding(PART, "fail", text, f"{NEW_DATABASE}, then newar migrate there")


def _permissions(row: Mapping[str, Any]) -> Finding:
    """The login writes rows, and makes and drops partitions, which only their owner may."""
    if row["standby"]:
        text, mend = (
            "it is a replica: this login cannot write",
            "write the address of the primary into LOG_DATABASE_URL",
        )
    elif row["read_only"]:
        text = "default_transaction_read_only is on: nothing can be written. Hosts set it when a disk is nearly full"
        mend = f"make room, then ALTER ROLE {row['login']} and ALTER DATABASE … RESET default_transaction_read_only"
    elif row["owns_log"] is False:
        text, mend = "this login does not own message_logs", "use the login that ran newar migrate, or make it a member"
    elif not row["may_create"]:
        text, mend = "this login cannot make partitions", f"GRANT CREATE ON SCHEMA public TO {row['login']}"
    else:
        return Finding(PART, "ok", "this login may write, and make and drop partitions")
    return Finding(PART, "fail", text, mend)


def _timeouts(row: Mapping[str, Any]) -> Iterator[Finding]:
    for name, ms in sorted(row["timeouts_ms"].items()):
        if 0 < ms < _LEAST_MS[name]:
            stops = ms < _LEAST_BATCH_MS and name in ("statement_timeout", "transaction_timeout")
            text = f"{name} is {how_long(ms)} for this login"
            text += ": a batch of the ingest may take longer" if stops else ": some of our commands may take longer"
            mend = f"ALTER ROLE {row['login']} SET {name} = '5min', and no other in LOG_DATABASE_URL"
            yield Finding(PART, "fail" if stops else "warn", text, mend)


def _connections(row: Mapping[str, Any]) -> Finding:
    limits = ("connections_left", "login_connections_left", "database_connections_left")
    left = max(0, min(row[name] for name in limits if row[name] is not None))
    mend = (
        "end some that idle (see pg_stat_activity), or raise max_connections, or the CONNECTION LIMIT of "
        f"{row['login']} or of the database where it has one"
    )
    text = f"{left} more connections can be made"
    return judged(PART, left >= _FEW_CONNECTIONS, text, otherwise=f"only {text}", mend=mend, status="warn")


def _kept(row: Mapping[str, Any]) -> Iterator[Finding]:
    safe = row["fsync"] and row["full_page_writes"]
    if safe and row["synchronous"]:
        yield Finding(PART, "ok", "keeps what it committed")
    if not safe:
        text = "fsync or full_page_writes is off: a crash of its machine may damage the database for good"
        yield Finding(PART, "warn", text, "fsync = on, full_page_writes = on")
    if not row["synchronous"]:
        text = (
            "synchronous_commit is off: a crash takes the last moments' rows, together with the offsets that belong to "
            "them, so that they are read and written again while the topic has them; runs and suppressions of these "
            "moments are lost"
        )
        yield Finding(PART, "warn", text, f"ALTER ROLE {row['login']} SET synchronous_commit = on")


def _housekeeping(row: Mapping[str, Any]) -> Iterator[Finding]:
    if not row["autovacuum"]:
        text = "autovacuum is off: figures and offsets are updated at every write, and their tables grow without end"
        yield Finding(PART, "warn", text, "autovacuum = on")
    if row["oldest_age"] > _OLD_AGE:
        text = f"its oldest transaction is {row['oldest_age']:,} ago: at 2,100,000,000 it takes no writes"
        yield Finding(PART, "warn", text, "VACUUM (FREEZE) as its owner; end transactions that stay open for days")
    text = f"holds {how_large(row['bytes'])}; how much room its disk has left PostgreSQL does not tell"
    yield Finding(PART, "ok", text)


def standing_findings(row: Mapping[str, Any]) -> list[Finding]:
    """Judge a row of sql/log_standing.sql: the log's days, and how far the ingest has come."""
    found = [_days(row), _written(row)]
    if going := row["going"]:
        text = f"{', '.join(going)} is being detached and was left halfway"
        mend = f"ALTER TABLE message_logs DETACH PARTITION {going[0]} FINALIZE, if newar partitions drop does not"
        found.append(Finding(PART, "warn", text, mend))
    if row["days_dropped"]:
        text = (
            f"{row['days_dropped']} days were dropped, the last {row['last_dropped']}: their figures are what is left"
        )
        found.append(Finding(PART, "ok", text))
    return found


def _days(row: Mapping[str, Any]) -> Finding:
    last = row["last_day"] or ""
    if not last and not row["partitions_begun"]:
        return Finding(PART, "ok", "has no partitions yet: an ingest makes them when it starts")
    if last > row["tomorrow"]:
        return Finding(PART, "ok", f"has partitions until {last}")
    text = f"has partitions until {last}" if last else "has no partitions"
    mend = "newar partitions ensure; the ingest does so every half minute: look for partitions in its log"
    return Finding(PART, "fail" if last < row["today"] else "warn", text, mend)


def _written(row: Mapping[str, Any]) -> Finding:
    if not row["partitions_begun"]:
        return Finding(PART, "ok", "no ingest has begun to read the topic yet")
    ago = how_long(int(row["written_s_ago"] * 1000))
    return Finding(PART, "ok", f"the ingest stands in {row['partitions_begun']} partitions, and last moved {ago} ago")
