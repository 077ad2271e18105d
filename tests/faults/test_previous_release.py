"""An upgrade from the previous release under load, and senders set back to it: nobody lost, doubled or miscounted."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from ops.fakegraph.child_process import open_fakegraph
from tests.documented import Shell, commands
from tests.faults.checker import check
from tests.faults.previous_release import unpack
from tests.faults.source_tables import SourceTables
from tests.faults.world import World
from tests.guarded import Guarded

RECIPIENTS = 40


@pytest.fixture
async def world(
    asyncio_loop: Any, redis_url: str, postgres_url: str, kafka_bootstrap: str, tmp_path: Path
) -> AsyncIterator[World]:
    """Servers as before the first start of anything, and the stand-in; the log database has no schema."""
    async with open_fakegraph("--latency-ms", "20") as graph_url:
        world = World(
            tmp_path,
            redis_url=redis_url,
            log_database_url=postgres_url,
            kafka_bootstrap_servers=kafka_bootstrap,
            graph_api_url=graph_url,
        )
        world.settings |= {"source_database_url": postgres_url, "poll_interval_ms": 100, "rate_limit_per_page": 150}
        try:
            yield world
        finally:
            await world.aclose()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return unpack(tmp_path / "previous")


class Upgrade:
    """Services of both releases, and runs that come all the while."""

    def __init__(self, world: World, source: SourceTables) -> None:
        self.world, self.source = world, source
        self.runs: list[str] = []

    async def keep_busy(self) -> None:
        while True:
            people = [str(7_000_000_000 + len(self.runs) * RECIPIENTS + n) for n in range(RECIPIENTS)]
            self.runs.append(self.source.add_run(people))
            self.world.remember(self.runs[-1], people)
            await trio.sleep(0.4)

    async def stop(self, *processes: Guarded) -> None:
        for process in processes:
            process.signal(signal.SIGTERM)
        for process in processes:
            await self.world.until(lambda process=process: not process.running, "its end")  # type: ignore[misc]
            assert process.wait() == 0, process.output()

    async def sends(self) -> None:
        """Wait until a run that comes from now on is sent."""
        n = len(self.runs) + 1
        await self.world.until(lambda: len(self.runs) >= n and self.world.finished(self.runs[n - 1]), "a new run")


def test_the_page_has_no_command_that_is_not_tried_here() -> None:
    assert commands("upgrade.md") == {"The order": ["newar migrate"]}


async def test_upgrade_in_the_documented_order_and_back_with_all_but_the_ingest(
    world: World, old: Path, tmp_path: Path
) -> None:
    source, shell = SourceTables(world.database_url), Shell(tmp_path)
    shell.variables["LOG_DATABASE_URL"] = world.database_url
    up = Upgrade(world, source)
    migrated = world.start_of(old, "migrate")
    await world.until(lambda: not migrated.running, "the former schema")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(up.keep_busy)
        runs, sender, ingest = (world.start_of(old, service) for service in ("runs", "sender", "ingest"))
        await up.sends()
        await trio.to_thread.run_sync(shell.run, "newar migrate")
        await world.until(lambda: "keeps no figures" in ingest.output(), "the refusal of the former ingest")
        await up.stop(runs)
        runs = world.start("runs")
        await up.stop(ingest)
        world.start("ingest")
        new_sender = world.start("sender")
        await up.sends()
        await up.stop(sender)
        await up.sends()
        world.start_of(old, "sender")
        new_sender.kill()
        await up.sends()
        await up.stop(runs)
        world.start_of(old, "runs")
        await up.sends()
        nursery.cancel_scope.cancel()
    await world.until_done()
    history = await world.history()
    history.marks = [(one.job, one.attempt) for one in history.accepted]  # senders of the former release tell none
    findings = check(history)
    assert not findings, "\n".join(map(str, findings[:20])) + "\n" + world.last_lines()
    source.close()
