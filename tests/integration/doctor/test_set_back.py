"""What the doctor says of a log database, or a Redis, that was set back to an older state than the other knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from redis import Redis

from ops.doctor.set_back import Memories, check_set_back
from schema.job import Job, encode_record, job_id
from schema.keys import committed_key
from schema.run import Run
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.topic import TOPIC, Log
from sender.queue.run_queue import RunQueue

LIFE = Log("c", TOPIC, "id")


@pytest.fixture
async def queue(asyncio_loop: Any, redis_url: str) -> AsyncIterator[RunQueue]:
    """A queue with one job of the run `r`."""
    client = open_redis(redis_url)
    queue = RunQueue(client)
    await queue.create_run(Run(run_id="r", page_id="100", message={"text": "Hi"}, expires_at_ms=4_000_000_000_000))
    record = encode_record(job_id("r", "7"), Job("7"))
    assert await queue.enqueue_chunk("r", cursor="", next_cursor="7", records=[record], last=False)
    yield queue
    await aio(client.aclose)


@pytest.fixture
def log(log_database_url: str) -> Any:
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        yield connection


async def found(redis_url: str, url: str) -> list[tuple[str, str]]:
    settings = Memories(redis_url=SecretStr(redis_url), log_database_url=SecretStr(url), _env_file=None)  # type: ignore[call-arg]
    return [(one.status, one.text) for one in await check_set_back(settings)]


def register(log: psycopg.Connection, state: str, epoch: str) -> None:
    log.execute(
        "INSERT INTO runs (run_id, page_id, source, state, queue_epoch) VALUES ('r', '100', 'source', %s, %s)",
        [state, epoch],
    )


async def test_all_is_well_while_both_know_the_same(
    queue: RunQueue, log: psycopg.Connection, redis_url: str, log_database_url: str
) -> None:
    register(log, "enqueuing", await queue.epoch())
    [(status, _)] = await found(redis_url, log_database_url)
    assert status == "ok"


async def test_a_run_in_the_queue_that_the_registry_lacks_tells_of_an_older_log_database(
    queue: RunQueue, log: psycopg.Connection, redis_url: str, log_database_url: str
) -> None:
    [(status, text)] = await found(redis_url, log_database_url)
    assert (status, text) == (
        "fail",
        "the log database was set back: it lacks 1 runs that Redis has (such as r)",
    )


async def test_events_that_had_been_written_tell_of_an_older_log_database(
    queue: RunQueue, log: psycopg.Connection, redis_url: str, log_database_url: str
) -> None:
    register(log, "enqueuing", await queue.epoch())
    for partition, at in ((0, 90), (1, 50)):
        log.execute(
            "INSERT INTO ingest_offsets (cluster_id, topic, topic_id, partition, next_offset)"
            " VALUES ('c', %s, 'id', %s, %s)",
            [TOPIC, partition, at],
        )
    with Redis.from_url(redis_url) as client:
        client.hset(committed_key(LIFE), mapping={"0": 100, "1": 50, "2": 7})
    [(status, text)] = await found(redis_url, log_database_url)
    assert (status, text) == ("fail", "the log database was set back: it lacks 10 events that were written")


async def test_a_finished_run_that_is_in_the_queue_tells_of_an_older_redis(
    queue: RunQueue, log: psycopg.Connection, redis_url: str, log_database_url: str
) -> None:
    register(log, "finished", await queue.epoch())
    [(status, text)] = await found(redis_url, log_database_url)
    assert (status, text) == ("fail", "Redis was set back: it has jobs of 1 runs that have finished (such as r)")


async def test_it_says_nothing_of_parts_that_are_away_or_of_an_old_schema(
    queue: RunQueue, redis_url: str, postgres_url: str
) -> None:
    assert await found(redis_url, postgres_url) == []
    assert await found("redis://127.0.0.1:1/0", postgres_url) == []
