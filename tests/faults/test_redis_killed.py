"""Redis with its append-only file is killed, or stopped and continued, under all services at work as processes."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import trio

from tests.faults.servers import Restartable
from tests.faults.stage import log_lines
from tests.faults.world import World, open_world
from tests.guarded import Guarded
from tests.patience import patience_s, slowness

RECIPIENTS = 1500
AWAY_S = 6.0
"""Several leases, and long enough to count log lines."""
BACK_WITHIN_S = 10.0
STOPPED_S = 3.0
"""Three leases."""
MORE_MEMORY = 16 * 2**20
"""Bytes: many times what a process needs to try again and again, and less than a backlog kept in it."""


@pytest.fixture
async def world(
    redis_server: Restartable, log_database_url: str, kafka_bootstrap: str, tmp_path: Path
) -> AsyncIterator[World]:
    addresses = {"redis_url": redis_server.address, "log_database_url": log_database_url}
    async with open_world(tmp_path, kafka_bootstrap_servers=kafka_bootstrap, **addresses) as world:
        yield world


async def until_sent(world: World, count: int) -> None:
    with trio.fail_after(patience_s()):
        while len(await world.accepted()) < count:  # noqa: ASYNC110 - the change is in another process
            await trio.sleep(0.02)


def memory_of(process: Guarded) -> int:
    """Return how many bytes the service keeps in memory."""
    return int(psutil.Process(process.pid).memory_info().rss)


async def test_a_killed_redis_that_comes_back_loses_and_doubles_nothing(
    world: World, redis_server: Restartable
) -> None:
    await world.start_senders([], [])
    world.start("runs", poll_interval_ms=200)
    api = world.start("api", api_port=0)
    await world.until(lambda: "api_serving" in api.output(), "the API")
    await world.enqueue("r", RECIPIENTS)
    await until_sent(world, 100)
    before = {process: (len(log_lines(process)), memory_of(process)) for process in world.processes}
    redis_server.kill()
    killed_at = trio.current_time()
    await trio.sleep(AWAY_S)
    away_s, more_memory = trio.current_time() - killed_at, 0
    for process, (lines_before, memory_before) in before.items():
        lines = [line for line in log_lines(process, lines_before) if "trace" not in line]
        assert len(lines) <= away_s, f"{len(lines)} lines in {away_s:.1f} s, first {lines[:3]}"
        more_memory = max(more_memory, memory_of(process) - memory_before)
    assert more_memory < MORE_MEMORY
    sent = len(await world.accepted())
    await redis_server.start()
    back_at = trio.current_time()
    await until_sent(world, sent + 1)
    resumed_s = trio.current_time() - back_at
    print(f"sending resumed {resumed_s:.2f} s after Redis was back; {more_memory / 2**20:.1f} MiB more at most")
    assert resumed_s <= BACK_WITHIN_S * slowness()
    await world.until_done()
    history = await world.verify(
        "Redis killed", away_s=away_s, resumed_s=resumed_s, more_memory_mib=more_memory / 2**20
    )
    assert history.runs["r"].outcomes == {"sent": RECIPIENTS}


async def test_a_redis_stopped_for_longer_than_the_lease_makes_nothing_unknown(
    world: World, redis_server: Restartable
) -> None:
    await world.start_senders([], [])
    await world.enqueue("r", RECIPIENTS)
    for part in range(1, 3):
        await until_sent(world, part * RECIPIENTS // 4)
        redis_server.signal(signal.SIGSTOP)
        await trio.sleep(STOPPED_S)
        redis_server.signal(signal.SIGCONT)
    await world.until_done()
    history = await world.verify("Redis stopped and continued twice", stopped_s=STOPPED_S)
    assert history.runs["r"].outcomes == {"sent": RECIPIENTS}
