"""What the doctor says of a source whose rows this login cannot see, and of runs that are not sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr

from ops.doctor.runs import check_runs
from ops.doctor.source import check_source
from schema.runtime.settings import LogDatabaseSettings, SourceDatabaseSettings

SAMPLES = Path(__file__).parents[3] / "schema" / "source"
MADE = (
    "INSERT INTO pages VALUES ('100', 'A page', 'token')",
    "INSERT INTO broadcasts (page_id, message, status) VALUES ('100', '{\"text\": \"Hi\"}', 'queued')",
    "INSERT INTO broadcast_recipients SELECT id, '100', n::text FROM broadcasts, generate_series(1, 50) n",
    "ANALYZE",
)


@pytest.fixture
def reader(log_database_url: str) -> Iterator[tuple[str, str]]:
    """The sample source with rows, and a login that may only read its views: (the owner's address, the login's)."""
    name = f"reader_{uuid4().hex[:12]}"
    with psycopg.connect(log_database_url, autocommit=True) as owner:
        for file in ("tables.sql", "views.sql"):
            owner.execute((SAMPLES / file).read_bytes())
        for statement in MADE:
            owner.execute(statement.encode())
        owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'reader'".encode())
        owner.execute(
            f"GRANT USAGE ON SCHEMA public TO {name}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}".encode()
        )
        host = log_database_url.rsplit("@", maxsplit=1)[-1]
        yield log_database_url, f"postgresql://{name}:reader@{host}"
        owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def change(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        for statement in statements:
            owner.execute(statement.encode())


async def findings(url: str) -> dict[str, str]:
    """Text -> status."""
    settings = SourceDatabaseSettings.model_construct(source_database_url=SecretStr(url))
    return {f"{finding.text} {finding.mend}": finding.status for finding in await check_source(settings)}


def one(found: dict[str, str], part: str) -> tuple[str, str] | None:
    return next(((text, status) for text, status in found.items() if part in text), None)


async def test_view_that_reads_with_the_rights_of_its_owner_hides_nothing(
    reader: tuple[str, str], asyncio_loop: None
) -> None:
    owner, login = reader
    change(owner, "ALTER TABLE broadcast_recipients ENABLE ROW LEVEL SECURITY")
    assert one(await findings(login), "row level security") is None


async def test_view_in_which_policies_leave_nothing_is_told(reader: tuple[str, str], asyncio_loop: None) -> None:
    owner, login = reader
    change(
        owner,
        "ALTER TABLE broadcast_recipients ENABLE ROW LEVEL SECURITY",
        "ALTER VIEW newar_recipients SET (security_invoker = on)",
    )
    found = one(await findings(login), "row level security")
    assert found is not None
    assert found[1] == "fail"
    assert "newar_recipients shows none of about 50 rows of broadcast_recipients" in found[0]
    assert "CREATE POLICY newar ON broadcast_recipients FOR SELECT TO reader_" in found[0]
    change(owner, found[0].partition("security ")[2])
    assert one(await findings(login), "row level security") is None


async def test_view_in_which_policies_leave_a_part_is_told(reader: tuple[str, str], asyncio_loop: None) -> None:
    owner, login = reader
    change(
        owner,
        "ALTER TABLE broadcast_recipients ENABLE ROW LEVEL SECURITY",
        "ALTER VIEW newar_recipients SET (security_invoker = on)",
        "CREATE POLICY few ON broadcast_recipients FOR SELECT USING (psid < '2')",
    )
    found = one(await findings(login), "shows 11 of about 50 rows")
    assert found is not None
    assert found[1] == "warn"


async def test_table_that_forces_its_policies_on_its_owner_is_told(reader: tuple[str, str], asyncio_loop: None) -> None:
    owner, login = reader
    name = login.split("//")[1].split(":")[0]
    change(
        owner,
        "ALTER TABLE broadcast_recipients ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE broadcast_recipients FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE broadcast_recipients OWNER TO {name}",
        f"ALTER VIEW newar_recipients OWNER TO {name}",
    )
    assert one(await findings(login), "newar_recipients shows none of about 50 rows") is not None


async def test_runs_that_are_not_sent_are_told_with_their_reasons(log_database_url: str, asyncio_loop: None) -> None:
    settings = LogDatabaseSettings.model_construct(log_database_url=SecretStr(log_database_url))
    assert [finding.status for finding in await check_runs(settings)] == ["ok"]
    change(
        log_database_url,
        "INSERT INTO not_taken "
        "SELECT 'source', 'w' || n, '100', 'waiting', 'nobody can be seen', now() - interval '1 hour' "
        "FROM generate_series(1, 5) n",
        "INSERT INTO runs (run_id, page_id, source, state, reason, finished_at) "
        "VALUES ('x', '100', 'source', 'refused', 'no token', now()), "
        "('y', '100', 'source', 'refused', 'old', '2026-01-01')",
    )
    found = await check_runs(settings)
    assert [finding.text for finding in found][::5] == [
        "x: no token",
        "1 more wait, were refused or are not taken",
    ]
