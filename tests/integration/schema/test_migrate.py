"""The migrations on a real database: once, in order, from several places at once, and never silently different."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
import trio
from structlog.testing import capture_logs

from schema.migrate import (
    AnothersTables,
    Migration,
    MigrationChanged,
    MigrationsPending,
    SchemaNewer,
    WrongEncoding,
    migrate,
    pending,
    require_current,
    shipped,
)
from schema.runtime.asyncio_door import aio

NAMES = [m.name for m in shipped()]
TWO = [
    Migration("0001_one.sql", "CREATE TABLE one (n int); INSERT INTO one VALUES (1);"),
    Migration("0002_two.sql", "CREATE TABLE two (n int);"),
]


def fetch(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


async def test_migrating_applies_every_file_in_order_and_then_nothing(asyncio_loop: Any, postgres_url: str) -> None:
    assert await aio(pending, postgres_url) == NAMES
    assert await aio(migrate, postgres_url) == NAMES
    assert await aio(pending, postgres_url) == []
    assert await aio(migrate, postgres_url) == []
    assert fetch(postgres_url, "SELECT name FROM newar_migrations ORDER BY applied_at, name") == [(n,) for n in NAMES]


async def test_four_who_migrate_at_once_apply_each_file_once(asyncio_loop: Any, postgres_url: str) -> None:
    applied: list[str] = []

    async def one() -> None:
        applied.extend(await aio(migrate, postgres_url))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(one)
    assert sorted(applied) == NAMES


async def test_a_file_changed_after_it_was_applied_is_refused(asyncio_loop: Any, postgres_url: str) -> None:
    await aio(migrate, postgres_url, TWO[:1])
    changed = [Migration("0001_one.sql", "CREATE TABLE one (n bigint);"), TWO[1]]
    with pytest.raises(MigrationChanged, match=r"0001_one\.sql was changed after"):
        await aio(migrate, postgres_url, changed)
    with pytest.raises(MigrationChanged):
        await aio(pending, postgres_url, changed)
    assert fetch(postgres_url, "SELECT to_regclass('two')") == [(None,)]


async def test_a_failing_file_leaves_nothing_of_itself_and_can_be_mended(asyncio_loop: Any, postgres_url: str) -> None:
    broken = [TWO[0], Migration("0002_two.sql", "CREATE TABLE two (n int); SELECT 1/0;")]
    with pytest.raises(psycopg.errors.DivisionByZero):
        await aio(migrate, postgres_url, broken)
    assert fetch(postgres_url, "SELECT to_regclass('one')::text, to_regclass('two')::text") == [("one", None)]
    assert await aio(migrate, postgres_url, TWO) == ["0002_two.sql"]


async def test_a_service_refuses_an_old_database_and_names_the_command(asyncio_loop: Any, postgres_url: str) -> None:
    with pytest.raises(MigrationsPending, match="run `newar migrate`"):
        await aio(require_current, postgres_url)
    await aio(migrate, postgres_url)
    await aio(require_current, postgres_url)


async def test_a_newer_database_is_refused_by_all_who_do_not_know_it(asyncio_loop: Any, postgres_url: str) -> None:
    await aio(migrate, postgres_url, TWO)
    before = fetch(postgres_url, "SELECT * FROM newar_migrations ORDER BY name")
    for older in (TWO[:1], [TWO[0], Migration("0003_other.sql", "CREATE TABLE three (n int);")]):
        for use in (migrate, pending, require_current):
            with pytest.raises(
                SchemaNewer, match=r"newer than this program.* know 0002_two\.sql.*; install the release"
            ):
                await aio(use, postgres_url, older)
    assert fetch(postgres_url, "SELECT * FROM newar_migrations ORDER BY name") == before
    assert fetch(postgres_url, "SELECT to_regclass('three')") == [(None,)]


async def test_a_refusal_names_the_version_that_brought_the_schema(asyncio_loop: Any, postgres_url: str) -> None:
    await aio(migrate, postgres_url, TWO)
    fetch(postgres_url, "UPDATE newar_migrations SET program = '9.1.0' WHERE name LIKE '0002%' RETURNING 1")
    with pytest.raises(SchemaNewer, match=r"0002_two\.sql, applied by newar 9\.1\.0; install"):
        await aio(require_current, postgres_url, TWO[:1])


async def test_an_older_program_runs_on_where_every_newer_file_lets_it(asyncio_loop: Any, postgres_url: str) -> None:
    added = Migration("0003_added.sql", "-- older programs may run\nCREATE TABLE three (n int);")
    await aio(migrate, postgres_url, [*TWO, added])
    with capture_logs() as logs:
        await aio(require_current, postgres_url, TWO)
    assert [(line["event"], line["unknown"]) for line in logs] == [("schema_is_newer", ["0003_added.sql"])]
    assert await aio(migrate, postgres_url, TWO) == []
    assert await aio(pending, postgres_url, TWO) == []
    with pytest.raises(SchemaNewer, match=r"0002_two\.sql, 0003_added\.sql"):
        await aio(require_current, postgres_url, TWO[:1])


async def test_a_table_of_versions_that_a_former_release_made_is_read_and_extended(
    asyncio_loop: Any, postgres_url: str
) -> None:
    await aio(migrate, postgres_url, TWO[:1])
    with psycopg.connect(postgres_url) as connection:
        connection.execute("ALTER TABLE newar_migrations DROP older_may_run, DROP program")
    await aio(require_current, postgres_url, TWO[:1])
    assert await aio(pending, postgres_url, TWO) == ["0002_two.sql"]
    assert await aio(migrate, postgres_url, TWO) == ["0002_two.sql"]


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_a_database_that_cannot_hold_every_text_is_refused(
    asyncio_loop: Any, postgres_url: str, encoding: str
) -> None:
    server, name = postgres_url.rsplit("/", 1)
    other = f"{name}_{encoding.lower()}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(
            f"CREATE DATABASE {other} ENCODING '{encoding}' TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'".encode()
        )
        try:
            with pytest.raises(WrongEncoding, match=f"{encoding}.*CREATE DATABASE"):
                await aio(migrate, f"{server}/{other}")
        finally:
            admin.execute(f"DROP DATABASE {other}".encode())


def test_submitted_recipients_are_paged_by_their_index(log_database_url: str) -> None:
    plan = fetch(
        f"{log_database_url}?options=-c%20enable_seqscan%3Doff",
        "EXPLAIN SELECT * FROM submitted_recipients WHERE run_id = 'r' AND "
        'recipient_id COLLATE "C" > \'5\' ORDER BY recipient_id COLLATE "C" LIMIT 10',
    )
    text = "\n".join(line for (line,) in plan)
    assert "submitted_recipients_page" in text
    assert "Sort" not in text


async def test_a_database_with_another_programs_log_is_refused_untouched(asyncio_loop: Any, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as other:
        other.execute("CREATE TABLE message_logs (id bigserial PRIMARY KEY)")
    for use in (migrate, pending, require_current):
        with pytest.raises(AnothersTables, match=r"message_logs.*CREATE DATABASE newar"):
            await aio(use, postgres_url)
    assert fetch(postgres_url, "SELECT to_regclass('newar_migrations')::text") == [(None,)]
