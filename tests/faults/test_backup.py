"""docs/backup.md, done as it says: a log database and a Redis that were set back, and nobody gets a message twice."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from ops.fakegraph.child_process import open_fakegraph
from schema.keys import key
from tests.documented import Shell, commands
from tests.faults.checker import check
from tests.faults.history import History, Row, RunRecord
from tests.faults.source_tables import SourceTables
from tests.faults.world import ROWS, World
from tests.guarded import Guarded

STEPS = commands("backup.md")


class Restored(World):
    """Services over a source and a log database that is lost and put back, and a shell for the page's commands."""

    def __init__(self, folder: Path, source_url: str, **addresses: str) -> None:
        server, self.database = source_url.rpartition("/")[0], f"log_{uuid4().hex[:12]}"
        super().__init__(
            folder, log_database_url=f"{server}/{self.database}", source_database_url=source_url, **addresses
        )
        self.settings |= {"poll_interval_ms": 100, "rate_limit_per_page": 150, "send_timeout_ms": 5000}
        self.settings |= {"send_timeout_media_ms": 5000}
        self.source = SourceTables(source_url)
        self.shell = Shell(folder)
        self.people: dict[str, list[str]] = {}
        self.records: dict[str, RunRecord] = {}

    def do(self, command: str) -> str:
        """Run a command of the page with the settings of the services."""
        self.shell.variables |= {name.upper(): str(value) for name, value in self.settings.items()}
        self.shell.variables["ADMIN_DATABASE_URL"] = self.settings["source_database_url"]
        return self.shell.run(command.replace("DATABASE newar ", f"DATABASE {self.database} "))

    def run(self, people: int, **more: Any) -> str:
        """Add a run for so many people; return its id."""
        first = 7_000_000_000 + 1000 * len(self.people)
        ids = [str(first + n) for n in range(people)]
        run_id = self.source.add_run(ids, **more)
        self.people[run_id] = ids
        return run_id

    async def until_registered(self, run_id: str, *states: str) -> None:
        """Wait for a run's state in the registry."""
        query = "SELECT coalesce(nullif(ended_as, 'complete'), state) FROM runs WHERE run_id = %s"
        await self.until(lambda: self.fetch(query, run_id) in [[(s,)] for s in states], f"{run_id} {states}")

    async def until_logged(self) -> None:
        """Wait for all rows of all runs that have ended."""
        wanted = sum(record.outcomes.total() for record in self.records.values())
        await self.until(lambda: self.rows() >= wanted, "all rows")

    async def finished_all(self, *run_ids: str) -> None:
        """Wait until queue and registry know these as finished, and remember how they ended."""
        for run_id in run_ids:
            await self.until(lambda run_id=run_id: self.finished(run_id), f"the end of {run_id}")  # type: ignore[misc]
            await self.until_registered(run_id, "finished")
            self.records[run_id] = self.record(run_id)

    async def stop(self, *processes: Guarded) -> None:
        """Stop services as people do."""
        for process in processes:
            process.signal(signal.SIGTERM)
        for process in processes:
            await self.until(lambda process=process: not process.running, "its end")  # type: ignore[misc]

    async def everybody_got_one(self) -> None:
        """Compare ledger, log and queue."""
        accepted = await self.accepted()
        history = History(
            enqueued=self.people,
            accepted=accepted,
            rows=[Row(*row) for row in self.fetch(ROWS)],
            runs=self.records,
            marks=[(one.job, one.attempt) for one in accepted],
        )
        findings = check(history)
        assert not findings, "\n".join(map(str, findings[:20])) + "\n" + self.last_lines()


@pytest.fixture
async def world(
    asyncio_loop: Any, redis_url: str, postgres_url: str, kafka_bootstrap: str, tmp_path: Path
) -> AsyncIterator[Restored]:
    async with open_fakegraph("--latency-ms", "20") as graph_url:
        addresses = {"redis_url": redis_url, "kafka_bootstrap_servers": kafka_bootstrap, "graph_api_url": graph_url}
        world = Restored(tmp_path, postgres_url, **addresses)
        create, _, migrate, *_ = STEPS["Putting it back"][1:]
        try:
            world.do(create)
            world.do(migrate)
            yield world
        finally:
            await world.aclose()
            world.source.close()
            drop(postgres_url, world.database)


def drop(server: str, database: str) -> None:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)".encode())


def test_the_page_has_no_command_that_is_not_tried_here() -> None:
    assert {heading: len(lines) for heading, lines in STEPS.items()} == {
        "The log database": 1,
        "Putting it back": 5,
        "Redis": 3,
        "The broker": 1,
        "TOKEN_ENCRYPTION_KEY": 1,
    }


async def test_a_log_database_put_back_from_before_runs_were_sent_sends_none_of_them_again(world: Restored) -> None:
    world.source.set_page("200", "")
    refused = world.run(5, page_id="200")
    runs, ingest, _sender = (world.start(service) for service in ("runs", "ingest", "sender"))
    before = world.run(20)
    await world.finished_all(before)
    await world.until_registered(refused, "refused")
    under_way = world.run(150)
    await world.until(lambda: world.outcomes(under_way)["sent"] > 0, "a run under way")
    [dump] = STEPS["The log database"]
    world.do(dump)

    since, mended = world.run(20), refused
    world.source.set_page("200", "EAAtoken")
    await world.finished_all(under_way, since, mended)
    await world.until_logged()
    await world.runs.forget_ended(0)  # as it is a day later
    lately = world.run(10)
    await world.finished_all(lately)
    await world.until_logged()

    await world.stop(runs, ingest)
    drop(world.settings["source_database_url"], world.database)
    lost, create, restore, migrate, close = STEPS["Putting it back"]
    world.do(lost)
    to_come = world.run(10)
    for command in (create, restore, migrate):
        world.do(command)
    world.start("ingest")
    await world.until_logged()
    world.do(close)
    world.start("runs")
    await world.finished_all(to_come, lately)
    for run_id, state in ((under_way, "cancelled"), (since, "cancelled"), (mended, "cancelled"), (before, "finished")):
        await world.until_registered(run_id, state)
    await world.until_logged()
    await world.everybody_got_one()


async def test_an_older_copy_of_redis_is_emptied_and_then_broker_and_key_are_new_and_nobody_gets_one_again(
    world: Restored,
) -> None:
    world.source.set_page("200", "EAAtoken")
    runs, ingest, sender = (world.start(service) for service in ("runs", "ingest", "sender"))
    over, under_way = world.run(200), world.run(600, page_id="200")
    await world.until(lambda: min(world.outcomes(run)["sent"] for run in (over, under_way)) > 0, "both under way")
    assert not world.finished(over)
    dumped = {name: world.redis.dump(name) for name in world.redis.scan_iter()}
    copy = {name: value for name, value in dumped.items() if value is not None}  # gone meanwhile
    await world.finished_all(over)
    await world.stop(runs, sender)
    assert world.outcomes(under_way)["sent"] < 600
    world.redis.flushall()
    for name, value in copy.items():
        world.redis.restore(name, 0, value)
    runs = world.start("runs")
    await world.until(lambda: world.redis.hexists(key(f"run:{over}"), "hold:registry"), "a hold of what is finished")
    await world.stop(runs)

    empty, listed, recover = STEPS["Redis"]
    world.do(empty)
    runs = world.start("runs")
    await world.until_registered(under_way, "queue_lost")
    sender = world.start("sender")
    assert under_way in world.do(listed)
    world.fetch("UPDATE runs SET lost_at = lost_at - interval '1 minute' RETURNING 1")
    world.shell.variables["RUN_ID"] = under_way
    world.do(recover)
    await world.finished_all(under_way)
    await world.until_logged()

    await world.stop(runs, ingest, sender)
    [make_key], [look] = STEPS["TOKEN_ENCRYPTION_KEY"], STEPS["The broker"]
    world.settings |= {"token_encryption_key": world.do(make_key).strip(), "kafka_topic": f"t{uuid4().hex}"}
    for service in ("runs", "ingest", "sender"):
        world.start(service)
    await world.finished_all(world.run(5), world.run(5, page_id="200"))
    await world.until_logged()
    assert "kafka" in world.do(look)
    await world.everybody_got_one()
