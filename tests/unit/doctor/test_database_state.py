"""What the doctor makes of what PostgreSQL says of itself and of the log."""

from __future__ import annotations

from typing import Any

import pytest

from ops.doctor.database_state import standing_findings, state_findings
from ops.doctor.finding import Finding
from ops.doctor.pooler import pooler_finding

SOUND = {
    "version_num": 180_006,
    "version": "18.6",
    "standby": False,
    "read_only": False,
    "encoding": "UTF8",
    "fsync": True,
    "full_page_writes": True,
    "synchronous": True,
    "autovacuum": True,
    "may_create": True,
    "owns_log": True,
    "login": "newar",
    "timeouts_ms": {"statement_timeout": 0, "lock_timeout": 0, "idle_in_transaction_session_timeout": 300_000},
    "connections_left": 90,
    "login_connections_left": None,
    "database_connections_left": None,
    "oldest_age": 1000,
    "bytes": 12_500_000_000,
}
STANDING = {
    "going": None,
    "last_day": "20261226",
    "today": "20261126",
    "tomorrow": "20261127",
    "partitions_begun": 12,
    "written_s_ago": 90.0,
    "days_dropped": 0,
    "last_dropped": None,
}


def bad(found: list[Finding]) -> list[tuple[str, str]]:
    assert all(finding.mend for finding in found if finding.status != "ok")
    return [(f.status, f"{f.text} | {f.mend}") for f in found if f.status != "ok"]


def test_sound_database_gets_no_warning() -> None:
    assert bad(state_findings(SOUND)) == []
    assert bad(state_findings(SOUND | {"owns_log": None})) == []  # not migrated yet
    assert any("holds 12.5 GB" in finding.text for finding in state_findings(SOUND))
    assert bad(standing_findings(STANDING)) == []
    assert any("12 partitions, and last moved 90 s ago" in finding.text for finding in standing_findings(STANDING))
    fresh = {"partitions_begun": 0, "written_s_ago": None, "last_day": None}
    assert bad(standing_findings(STANDING | fresh)) == []


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"version_num": 140_000}, "fail", "PostgreSQL 15 or newer"),
        ({"encoding": "LATIN1"}, "fail", "CREATE DATABASE newar ENCODING 'UTF8'"),
        ({"standby": True}, "fail", "it is a replica"),
        ({"read_only": True}, "fail", "RESET default_transaction_read_only"),
        ({"owns_log": False}, "fail", "does not own message_logs"),
        ({"may_create": False}, "fail", "GRANT CREATE ON SCHEMA public TO newar"),
        ({"timeouts_ms": {"statement_timeout": 2000}}, "fail", "statement_timeout is 2 s"),
        ({"timeouts_ms": {"statement_timeout": 30_000}}, "warn", "ALTER ROLE newar SET statement_timeout = '5min'"),
        ({"timeouts_ms": {"transaction_timeout": 1}}, "fail", "a batch of the ingest may take longer"),
        ({"timeouts_ms": {"lock_timeout": 100}}, "warn", "lock_timeout is 0.1 s"),
        ({"timeouts_ms": {"idle_in_transaction_session_timeout": 5000}}, "warn", "some of our commands"),
        ({"connections_left": 3}, "warn", "only 3 more connections"),
        ({"login_connections_left": -2}, "warn", "only 0 more connections"),
        ({"fsync": False}, "warn", "fsync = on"),
        ({"full_page_writes": False}, "warn", "full_page_writes = on"),
        ({"synchronous": False}, "warn", "together with the offsets"),
        ({"autovacuum": False}, "warn", "autovacuum = on"),
        ({"oldest_age": 1_900_000_000}, "warn", "VACUUM (FREEZE)"),
    ],
)
def test_what_may_cost_the_log_is_named_with_its_mend(changes: dict[str, Any], status: str, said: str) -> None:
    [(told, words)] = bad(state_findings(SOUND | changes))
    assert (told, said in words) == (status, True), words


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"last_day": "20261126"}, "warn", "has partitions until 20261126"),
        ({"last_day": "20261120"}, "fail", "newar partitions ensure"),
        ({"last_day": None}, "fail", "has no partitions"),
        ({"going": ["message_logs_20261101"]}, "warn", "DETACH PARTITION message_logs_20261101 FINALIZE"),
    ],
)
def test_days_that_are_missing_or_halfway_gone_are_named(changes: dict[str, Any], status: str, said: str) -> None:
    [(told, words)] = bad(standing_findings(STANDING | changes))
    assert (told, said in words) == (status, True), words


def test_only_a_pooler_that_gives_every_transaction_another_connection_is_in_the_way() -> None:
    found = [pooler_finding(pooling) for pooling in ("none", "session", "transaction", "statement")]
    assert [finding.status for finding in found] == ["ok", "ok", "warn", "fail"]
    assert len(bad(found)) == 2
