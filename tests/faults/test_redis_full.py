"""Redis has little memory: a run is filled up to the reserve, sent meanwhile, and all work at less than is in use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from schema.keys import key
from sender.queue.app_queue import AppQueue
from tests.faults.servers import Restartable
from tests.faults.stage import log_lines
from tests.faults.world import World, open_world

PEOPLE = [str(7_000_000_000 + n) for n in range(1500)]
OF_EACH = '{"street": "%s"}' % ("x" * 2000)
ROOM = 1_000_000
"""Bytes for jobs: enough for a third of them, and much beside what else comes and goes in Redis."""
MANY_ARE_TRIED_AGAIN = {"transient_2_service_unavailable": 0.1}


@pytest.fixture
async def world(
    redis_server: Restartable, log_database_url: str, kafka_bootstrap: str, tmp_path: Path
) -> AsyncIterator[World]:
    addresses = {"redis_url": redis_server.address, "log_database_url": log_database_url}
    async with open_world(tmp_path, kafka_bootstrap_servers=kafka_bootstrap, **addresses) as world:
        world.settings |= {"worker_concurrency": 100, "rate_limit_per_page": 5000}
        yield world


def submit(world: World, run_id: str, people: list[str]) -> None:
    """Leave a run to the run processor."""
    with psycopg.connect(world.database_url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO submitted_runs (run_id, page_id, page_access_token, message) VALUES (%s, '100', 'token', %s)",
            (run_id, '{"text": "Hi"}'),
        )
        with cursor.copy("COPY submitted_recipients (run_id, recipient_id, variables) FROM STDIN") as copy:
            for person in people:
                copy.write_row((run_id, person, OF_EACH))
    world.remember(run_id, people)


def used(world: World) -> int:
    return int(world.redis.info("memory")["used_memory"])


def enqueued(world: World, run_id: str) -> int:
    return int(world.redis.hget(key(f"run:{run_id}"), "recipients") or 0)


def is_full(world: World, runs: Any) -> bool:
    return any(line["event"] == "redis_full" for line in log_lines(runs))


async def test_a_run_larger_than_redis_is_filled_as_it_is_sent(world: World) -> None:
    await world.graph(errors=MANY_ARE_TRIED_AGAIN)
    await world.start_senders([])
    runs = world.start("runs", poll_interval_ms=200, enqueue_chunk=50)
    await world.enqueue("before", 300)
    await world.until(lambda: world.finished("before"), "Redis to have all scripts, which take memory too")
    app = AppQueue(world.client)
    await app.pause("ana")
    bound = int((used(world) + ROOM) / 0.9)
    world.redis.config_set("maxmemory", bound)
    submit(world, "r", PEOPLE)
    await world.until(lambda: is_full(world, runs), "the reserve")
    filled = enqueued(world, "r")
    assert 0 < filled < len(PEOPLE)
    assert used(world) < bound
    await app.resume("ana")
    await world.until(lambda: enqueued(world, "r") == len(PEOPLE), "all to be enqueued")
    await world.graph(errors={})
    await world.until_done()
    history = await world.verify("Redis filled up to its reserve", filled=filled)
    assert history.runs["r"].outcomes["retrying"] > 0


async def test_at_less_memory_than_is_in_use_all_goes_on_but_filling(world: World) -> None:
    await world.graph(errors=MANY_ARE_TRIED_AGAIN)
    dead, _heir = await world.start_senders([], [])
    runs = world.start("runs", poll_interval_ms=200, enqueue_chunk=200)
    await world.enqueue("before", 1000)
    await world.until(lambda: world.rows() > 200, "first rows")
    world.redis.config_set("maxmemory", "1mb")
    submit(world, "after", PEOPLE[:500])
    await world.graph(errors={})
    dead.kill()
    await world.until_taken_over(dead)
    await world.until(lambda: world.finished("before"), "the end of what is queued")
    await world.until(lambda: is_full(world, runs), "the run processor to wait")
    assert enqueued(world, "after") == 0
    world.redis.config_set("maxmemory", "0")
    await world.until_done()
    await world.verify("Redis full while a sender dies")
