"""Each source is seen by itself: what one refuses, or does not answer, is said of it, and the other goes on."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import psycopg
import pytest
import redis
import trio
from structlog.testing import capture_logs

from ops.board.answers import Check
from ops.board.source_health import with_sources
from schema.keys import key
from schema.snapshot import ProcessSnapshot, SourceSnapshot
from sender.runs import source_watch
from tests.integration.runs.serving import serving, settings, until
from tests.integration.runs.world import World

VIEWS = ("newar_runs", "newar_recipients", "newar_pages")


class Published:
    """What the run processor says of itself in Redis, and what `/health` makes of it."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def processes(self) -> list[ProcessSnapshot]:
        values = self._client.hvals(key("processes"))
        return [msgspec.json.decode(value, type=ProcessSnapshot) for value in values]

    def of(self, source: str) -> SourceSnapshot:
        seen = [process.runs.sources for process in self.processes() if process.runs]
        return seen[0].get(source, SourceSnapshot()) if seen else SourceSnapshot()

    def health(self, name: str) -> Check:
        return with_sources({"source_database": Check(status="ok", detail="answers")}, self.processes())[name]


@pytest.fixture
def published(redis_url: str) -> Iterator[Published]:
    with redis.Redis.from_url(redis_url) as client:
        yield Published(client)


@pytest.fixture
def reader(world: World) -> Iterator[str]:
    """A login that may read the three views, as the sample makes it."""
    name = f"reader_{uuid4().hex[:12]}"
    world.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'p'; GRANT SELECT ON {', '.join(VIEWS)} TO {name}")
    yield name
    world.sql(f"DROP OWNED BY {name}; DROP ROLE {name}")


def address_of(world: World, login: str) -> str:
    parts = urlsplit(world.url)
    return parts._replace(netloc=f"{login}:p@{parts.netloc.rpartition('@')[2]}").geturl()


@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_that_was_revoked_is_said_of_its_source_until_it_is_granted_again(
    world: World, published: Published, reader: str, view: str
) -> None:
    world.run("1", status="paused")
    async with serving(settings(world, source_database_url=address_of(world, reader))):
        await until(lambda: published.of("source").polls > 0)
        assert published.health("source_database").detail == "answers"
        world.sql(f"REVOKE SELECT ON {view} FROM {reader}")  # noqa: S608 - names of this test
        world.run("1")  # its recipients are read too
        await until(lambda: published.health("source_database").status == "degraded")
        refused, detail = published.of("source"), published.health("source_database").detail or ""
        assert f"permission denied for view {view}" in detail
        assert "GRANT SELECT" in detail
        assert refused.failures > 0
        polls = published.of("submitted").polls
        await until(lambda: published.of("submitted").polls > polls)
        assert (published.of("submitted").trouble, published.health("submitted_runs").status) == ("", "ok")
        world.sql(f"GRANT SELECT ON {view} TO {reader}")
        await until(lambda: published.health("source_database").detail == "answers")


async def test_a_source_that_does_not_answer_is_named_while_it_hangs(
    world: World, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_watch, "SILENT_AFTER_S", 0.3)
    run = world.run("1")
    with capture_logs() as logs:
        async with serving(settings(world)):
            await until(lambda: world.state(run) == "active")
            with psycopg.connect(world.url) as other:
                # In a thread: the service, in this one, may have to end a transaction before the lock is given.
                await trio.to_thread.run_sync(other.execute, "LOCK TABLE pages IN ACCESS EXCLUSIVE MODE")
                await until(lambda: published.of("source").silence != "")
                detail = published.health("source_database").detail or ""
                assert detail.startswith("the source database has not answered a query for ")
                assert "pg_stat_activity" in detail
                assert published.of("source").trouble == ""  # nobody has given it up
                polls = published.of("submitted").polls
                await until(lambda: published.of("submitted").polls > polls)
                assert published.health("submitted_runs").status == "ok"
            await until(lambda: published.health("source_database").status == "ok")
    told = [(one["event"], one["part"]) for one in logs if one["event"] in ("part_silent", "part_answers_again")]
    assert told == [("part_silent", "source database"), ("part_answers_again", "source database")]


async def test_the_log_database_is_named_when_it_is_silent_and_when_it_answers_again(
    world: World, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_watch, "SILENT_AFTER_S", 0.3)
    with capture_logs() as logs:
        async with serving(settings(world)):
            await until(lambda: published.of("source").polls > 0)
            with psycopg.connect(world.url) as other:
                await trio.to_thread.run_sync(other.execute, "LOCK TABLE not_taken IN ACCESS EXCLUSIVE MODE")
                await until(lambda: published.of("source").silence != "")
                assert published.of("source").silence.startswith("the log database has not answered a query for ")
            await until(lambda: published.of("source").silence == "")
    told = {(one["event"], one["part"]) for one in logs if one["event"] in ("part_silent", "part_answers_again")}
    assert told == {("part_silent", "log database"), ("part_answers_again", "log database")}


async def test_a_source_that_is_away_is_named_with_its_reason(
    world: World, published: Published, closed_port: int
) -> None:
    url = f"postgresql://newar:hidden@127.0.0.1:{closed_port}/source"
    async with serving(settings(world, source_database_url=url)):
        await until(lambda: published.of("source").failures > 0)
        await until(lambda: published.health("source_database").status == "degraded")
        detail = published.health("source_database").detail or ""
        assert detail.startswith("the source database is away: ")
        assert "refused" in detail
        assert "hidden" not in detail
        assert published.health("submitted_runs").status == "ok"


async def test_a_log_database_whose_schema_does_not_fit_is_said_of_both_sources(
    world: World, published: Published
) -> None:
    world.sql("INSERT INTO newar_migrations (name, checksum, program) VALUES ('9999_new.sql', '', '9.1.0')")
    async with serving(settings(world)):
        for source, name in (("source", "source_database"), ("submitted", "submitted_runs")):
            await until(lambda source=source: published.of(source).failures > 0)  # type: ignore[misc]
            await until(lambda name=name: published.health(name).status == "degraded")  # type: ignore[misc]
            assert "does not know 9999_new.sql" in (published.health(name).detail or "")
        world.sql("DELETE FROM newar_migrations WHERE name = '9999_new.sql'")
        await until(lambda: published.health("source_database").detail == "answers")
        await until(lambda: published.health("submitted_runs").status == "ok")
