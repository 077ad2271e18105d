"""`newar runs` as a service: parts away, stopping, what it publishes."""

from __future__ import annotations

import io
import json
from collections.abc import MutableMapping
from functools import partial
from typing import Any

import pytest
import redis
import trio
from structlog.testing import capture_logs

from schema.keys import key
from schema.migrate import shipped
from schema.runtime.asyncio_door import aio
from schema.runtime.settings import SettingsError
from schema.runtime.stop import Stop
from sender.runs.app import serve
from sender.runs.by_hand.submit import SubmittedRun, submit
from tests.integration.runs.serving import serving, settings, until
from tests.integration.runs.world import World
from tests.patience import patience_s

SUBMITTED = SubmittedRun(run_id="s1", page_id="100", page_access_token="t", message={"text": "Hi"})


class HungUp:
    """A server that hangs up on everybody, and counts them."""

    def __init__(self) -> None:
        self.calls = 0
        self.address = ""

    async def tried(self, times: int) -> None:
        """Wait until so many more have called."""
        wanted = self.calls + times
        await until(lambda: self.calls >= wanted)

    async def answer(self, stream: trio.SocketStream) -> None:
        self.calls += 1
        await stream.aclose()


@pytest.fixture
async def away(nursery: trio.Nursery) -> HungUp:
    server = HungUp()
    [listener] = await nursery.start(partial(trio.serve_tcp, server.answer, 0, host="127.0.0.1"))
    server.address = f"127.0.0.1:{listener.socket.getsockname()[1]}"
    return server


def unreachable(logs: list[MutableMapping[str, Any]]) -> list[str]:
    return [line["part"] for line in logs if line["event"] == "part_unreachable" and "snapshots" not in line["part"]]


async def test_service_takes_enqueues_and_notes_runs_of_both_sources(world: World) -> None:
    run = world.run("1", "2")
    await aio(submit, world.url, io.StringIO("recipient_id\n7\n"), SUBMITTED, world.box, "ana")
    async with serving(settings(world)):
        await until(lambda: (world.state(run), world.state("s1")) == ("active", "active"))
    assert (world.recipients(run), world.recipients("s1")) == (["1", "2"], ["7"])


async def test_service_publishes_its_figures_and_takes_them_back_at_its_end(world: World) -> None:
    run = world.run("1", "2")
    world.run("1", message={})
    with redis.Redis.from_url(world.redis_url) as client:

        def published() -> list[dict[str, object]]:
            return [json.loads(value)["runs"] for value in client.hvals(key("processes"))]

        async with serving(settings(world)):
            await until(lambda: world.state(run) == "active")
            await until(lambda: any(figures["jobs_enqueued"] == 2 for figures in published()))
            [figures] = published()
            assert (figures["runs_taken"], figures["runs_refused"], figures["source_down"]) == (1, 1, False)
        assert published() == []


async def test_submitted_runs_go_on_while_the_source_is_away_and_the_outage_is_logged_once(
    world: World, away: HungUp
) -> None:
    url = f"postgresql://newar:hidden@{away.address}/source"
    with capture_logs() as logs:
        async with serving(settings(world, source_database_url=url)):
            await aio(submit, world.url, io.StringIO("recipient_id\n7\n"), SUBMITTED, world.box, "ana")
            await until(lambda: world.state("s1") == "active")
            await away.tried(3)
    assert unreachable(logs) == ["source database"]
    assert "hidden" not in str(logs)


async def test_service_waits_for_a_log_database_that_is_away(world: World, away: HungUp) -> None:
    run = world.run("1")
    with capture_logs() as logs:
        async with serving(settings(world, log_database_url=f"postgresql://newar:hidden@{away.address}/log")):
            await away.tried(6)
    assert unreachable(logs) == ["log database"]
    assert world.jobs(run) == []


async def test_service_waits_for_a_redis_that_is_away(world: World, away: HungUp) -> None:
    run = world.run("1")
    with capture_logs() as logs:
        async with serving(settings(world, redis_url=f"redis://:hidden@{away.address}/0")):
            await away.tried(8)
    assert unreachable(logs) == ["redis"]
    assert world.state(run) is None


async def test_missing_view_is_one_log_line_and_its_mend_is_noticed(world: World) -> None:
    world.sql("DROP VIEW newar_runs")
    run = world.run("1")
    with capture_logs() as logs:
        async with serving(settings(world)):
            await until(lambda: any(line["event"] == "query_refused" for line in logs))
            world.sample("views.sql")
            await until(lambda: world.state(run) == "active")
    [line] = [line for line in logs if line["event"] == "query_refused"]
    assert "the view newar_runs does not exist here" in line["reason"]


async def test_a_log_database_of_a_newer_release_is_left_alone_until_it_fits(world: World) -> None:
    world.sql("INSERT INTO newar_migrations (name, checksum, program) VALUES ('9999_new.sql', '', '9.1.0')")
    run = world.run("1")
    with capture_logs() as logs:
        async with serving(settings(world)):
            await until(lambda: any(line["event"] == "query_refused" for line in logs))
            assert world.state(run) is None
            world.sql("DELETE FROM newar_migrations WHERE name = '9999_new.sql'")
            await until(lambda: world.state(run) == "active")
    [reason] = {line["reason"] for line in logs if line["event"] == "query_refused"}
    assert "does not know 9999_new.sql, applied by newar 9.1.0" in reason
    assert {line["needs"] for line in logs if line["event"] == "schema_fits"} == {shipped()[-1].name}


async def test_a_log_database_that_lacks_a_migration_is_left_alone_until_it_has_it(world: World) -> None:
    [row] = world.sql("DELETE FROM newar_migrations WHERE name LIKE '0015%' RETURNING row_to_json(newar_migrations)")
    run = world.run("1")
    with capture_logs() as logs:
        async with serving(settings(world)):
            await until(lambda: any(line["event"] == "query_refused" for line in logs))
            assert world.state(run) is None
            world.sql(
                "INSERT INTO newar_migrations SELECT * FROM json_populate_record(NULL::newar_migrations, %s)",
                json.dumps(row),
            )
            await until(lambda: world.state(run) == "active")
    [reason] = {line["reason"] for line in logs if line["event"] == "query_refused"}
    assert "lacks 0015_happenings.sql; run `newar migrate`" in reason


async def test_stop_in_the_middle_of_a_run_leaves_a_run_that_the_next_completes(world: World) -> None:
    run = world.run(*(f"{n:05}" for n in range(2000)))
    async with serving(settings(world, enqueue_chunk=1)):
        await until(lambda: len(world.jobs(run)) > 3)
    assert len(world.jobs(run)) < 2000
    async with serving(settings(world)):
        await until(lambda: world.state(run) == "active")
    assert len(set(world.recipients(run))) == len(world.jobs(run)) == 2000


async def test_cancelled_service_leaves_no_connection_behind(world: World) -> None:
    world.run(*(f"{n:05}" for n in range(500)))
    mine = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'newar runs' AND datname = current_database()"
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, settings(world, enqueue_chunk=1), Stop(patience_s()))
        await until(lambda: world.sql(mine)[0] >= 3)
        nursery.cancel_scope.cancel()
    await until(lambda: world.sql(mine) == [0])


@pytest.mark.parametrize("name", ["source_database_url", "log_database_url"])
async def test_address_that_cannot_be_read_is_a_settings_error_without_the_password(world: World, name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        await serve(settings(world, **{name: "postgresql://me:100%sure@host/db"}), Stop(drain_s=1))
    assert name.upper() in str(caught.value)
    assert "sure" not in str(caught.value)
