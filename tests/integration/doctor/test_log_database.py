"""What the doctor says of real PostgreSQL servers that take no writes, of poolers before them, and of poor logins."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import trio
from pydantic import SecretStr

from ops.doctor.log_database import check_log_database
from ops.local import postgres
from ops.local.place import open_place
from schema.migrate import migrate
from schema.runtime.asyncio_door import aio
from schema.runtime.database_refusals import database_refusal
from schema.runtime.settings import LogDatabaseSettings
from tests.guarded import Guarded
from tests.patience import patience_s
from tests.pooler import PGBOUNCER, pooler
from tests.ports import free_port

needs_pooler = pytest.mark.skipif(PGBOUNCER is None, reason="needs pgbouncer: apt-get install pgbouncer")


async def bad(url: str) -> dict[str, str]:
    """What is not well, by its words; but not that the tests' server is quick rather than durable."""
    found = await check_log_database(LogDatabaseSettings(log_database_url=SecretStr(url)))
    told = {f"{f.text} | {f.mend}": f.status for f in found if f.status != "ok"}
    return {words: status for words, status in told.items() if "fsync" not in words and "synchronous" not in words}


@pytest.fixture
def login(log_database_url: str) -> Iterator[tuple[str, psycopg.Connection]]:
    """Another login's address, and the owner's connection."""
    name = f"poor_{uuid4().hex[:12]}"
    with psycopg.connect(log_database_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'poor'".encode())
        yield f"postgresql://{name}:poor@{log_database_url.rsplit('@', 1)[-1]}", owner
        owner.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


async def test_login_that_lacks_rights_or_time_is_told_all_at_once(
    asyncio_loop: Any, login: tuple[str, psycopg.Connection]
) -> None:
    url, owner = login
    name = url.removeprefix("postgresql://").partition(":")[0]
    owner.execute(f"ALTER ROLE {name} SET statement_timeout = '2s'; ALTER ROLE {name} CONNECTION LIMIT 5".encode())
    owner.execute(f"GRANT SELECT ON newar_migrations TO {name}".encode())
    found = await bad(url)
    for status, said in (
        ("fail", "does not own message_logs"),
        ("fail", f"ALTER ROLE {name} SET statement_timeout"),
        ("warn", "more connections can be made"),
        ("fail", "permission denied for table"),
    ):
        assert any(said in words and told == status for words, told in found.items()), (said, found)
    assert len(found) == 4
    owner.execute(f"ALTER ROLE {name} CONNECTION LIMIT 1".encode())
    assert any("a second connection cannot be made: all its connections are taken" in words for words in await bad(url))


async def test_database_that_is_read_only_by_default_is_told(asyncio_loop: Any, log_database_url: str) -> None:
    assert await bad(log_database_url) == {}
    [(words, status)] = (await bad(f"{log_database_url}?options=-cdefault_transaction_read_only%3Don")).items()
    assert (status, "nothing can be written" in words) == ("fail", True)


@needs_pooler
@pytest.mark.parametrize(("mode", "status"), [("session", None), ("transaction", "warn"), ("statement", "fail")])
async def test_pooler_is_told_when_it_gives_every_transaction_another_connection(
    asyncio_loop: Any, tmp_path_factory: pytest.TempPathFactory, log_database_url: str, mode: str, status: str | None
) -> None:
    with pooler(log_database_url, tmp_path_factory.mktemp(mode), mode) as url:
        found = await bad(url)
    told = {status for words, status in found.items() if f"pooler in {mode} mode" in words}
    assert (told, len(found)) == ({status} if status else set(), int(status is not None))


@asynccontextmanager
async def hot_standby(data: Path) -> AsyncIterator[str]:
    """A server that is a replica whose primary is gone, with the log's schema."""
    async with open_place(data, "postgres") as place:
        server, port = postgres.describe(place, False), free_port()
        assert server.make_ready is not None
        await server.make_ready()
        command = [*server.command(port), "-c", "wal_level=replica"]

        def start() -> Guarded:
            return Guarded(command, place.folder, place.log, uid=place.uid, gid=place.gid)

        primary = start()
        while not await server.answers(port):
            assert primary.running, primary.output()
            await trio.sleep(0.02)
        url = server.address(port)
        await aio(migrate, url)
        primary.signal(signal.SIGINT)
        assert primary.wait() == 0
        primary.kill()  # its guard too
        told = place.folder / "cluster" / "standby.signal"
        told.touch(0o600)
        if os.geteuid() == 0:
            os.chown(told, place.uid, place.gid)
        standby = start()
        try:
            await until_it_answers(url, standby)
            yield url
        finally:
            standby.kill()


async def until_it_answers(url: str, server: Guarded) -> None:
    with trio.fail_after(patience_s()):
        while True:
            try:
                psycopg.connect(url).close()
            except psycopg.OperationalError:
                assert server.running, server.output()
                await trio.sleep(0.02)
            else:
                return


async def test_replica_is_told_by_the_doctor_and_by_what_it_refuses(asyncio_loop: Any, tmp_path: Path) -> None:
    async with hot_standby(tmp_path) as url:
        found = await bad(url)
        with psycopg.connect(url) as connection, pytest.raises(psycopg.Error) as caught:
            connection.execute("DELETE FROM ingest_offsets")
    assert [(status, "it is a replica" in words) for words, status in found.items()] == [("fail", True)]
    assert "Write the address of the primary" in str(database_refusal(caught.value))
