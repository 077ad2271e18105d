"""The ingest as a service: every event is a row once, whatever happens in between."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
import redis
import trio
from pydantic import SecretStr
from structlog.testing import capture_logs
from trio.testing import wait_all_tasks_blocked

from ingest.app import serve
from ingest.consume import OffsetsOutOfRange
from ingest.reading import member
from ingest.settings import IngestSettings
from ingest.writing.rows import read_message
from ops.local.servers import open_servers
from schema.keys import committed_key, key
from schema.migrate import MigrationsPending
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from schema.runtime.stop import Stop
from schema.snapshot import ProcessSnapshot
from tests.integration.ingest.events import (
    event,
    fetch,
    figures,
    ingested,
    recipients,
    recount,
    until,
    waits_for_the_dead_letters,
)
from tests.integration.ingest.service import produce, running, settings_for
from tests.patience import patience_s

pytestmark = pytest.mark.both_brokers


async def test_events_on_the_topic_become_rows_and_figures(
    settings: IngestSettings, log_database_url: str, redis_url: str
) -> None:
    await produce(settings, [event(n) for n in range(1000)])
    client = redis.Redis.from_url(redis_url)
    async with running(settings):
        await until(lambda: ingested(log_database_url) == 1000)
        now = await aio(prepare_topic, settings)
        names = (committed_key(now), key(f"committed:{now.cluster_id}"))  # the latter for senders of the former release
        await until(lambda: all(sum(map(int, client.hvals(name))) == 1000 for name in names))
        assert all(client.ttl(name) > 0 for name in names)
        await until(lambda: any(s.ingest and s.ingest.rows == 1000 for s in snapshots(client)))
        [snapshot] = snapshots(client)
        assert snapshot.service == "ingest"
        assert snapshot.ingest is not None
        assert (snapshot.ingest.partitions, snapshot.ingest.dead_letters) == (list(range(12)), 0)
    assert recipients(log_database_url) == list(range(1000))
    assert snapshots(client) == []
    client.close()


def snapshots(client: Any) -> list[ProcessSnapshot]:
    return [msgspec.json.decode(value, type=ProcessSnapshot) for value in client.hvals(key("processes"))]


async def test_a_stop_writes_what_was_read(
    settings: IngestSettings, log_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = trio.Event()

    def read_and_tell(*message: Any) -> Any:
        read.set()
        return read_message(*message)

    monkeypatch.setattr(member, "read_message", read_and_tell)
    await produce(settings, [event(1)])
    async with running(settings.model_copy(update={"log_batch_interval_ms": 60_000})):
        await read.wait()
    assert recipients(log_database_url) == [1]


async def test_two_ingests_and_a_rebalance_in_mid_stream_write_every_event_once(
    settings: IngestSettings, log_database_url: str
) -> None:
    total = 12_000
    async with trio.open_nursery() as producers, running(settings):
        for start in (0, total // 2):
            events = [event(n) for n in range(start, start + total // 2)]
            producers.start_soon(produce, settings, events, 100)
        await until(lambda: ingested(log_database_url) > 0)
        async with running(settings):
            await until(lambda: ingested(log_database_url) > total // 2)
        await until(lambda: ingested(log_database_url) == total)
    assert recipients(log_database_url) == list(range(total))


CHILD = """
import trio
from ingest.app import serve
from ingest.settings import IngestSettings
from schema.runtime.asyncio_door import open_asyncio
from schema.runtime.settings import load
from schema.runtime.stop import Stop

async def main():
    async with open_asyncio():
        await serve(load(IngestSettings, env_file=None), Stop(1.0))

trio.run(main)
"""


async def test_a_process_killed_before_its_commit_is_answered_loses_and_doubles_nothing(
    settings: IngestSettings, log_database_url: str
) -> None:
    await produce(settings, [*(event(n) for n in range(300)), b"wrong"])
    environment = {
        **os.environ,
        "LOG_DATABASE_URL": log_database_url,
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "KAFKA_TOPIC": settings.kafka_topic,
    }
    with (
        psycopg.connect(log_database_url) as blocker,
        subprocess.Popen([sys.executable, "-c", CHILD], env=environment) as child,  # noqa: ASYNC220
    ):
        try:
            blocker.execute("LOCK TABLE message_log_dead_letters IN ACCESS EXCLUSIVE MODE")
            await until(lambda: waits_for_the_dead_letters(log_database_url))
        finally:
            child.send_signal(signal.SIGKILL)
    # Whether Postgres still did what it had been told with the last message: the offsets know, and nobody else has to.
    async with running(settings):
        await until(lambda: ingested(log_database_url) == 301)
    assert recipients(log_database_url) == list(range(300))
    assert figures(log_database_url) == recount(log_database_url)
    assert len(fetch(log_database_url, "SELECT FROM message_log_dead_letters")) == 1


async def test_rows_wait_for_a_database_that_is_away_and_for_no_redis(
    settings: IngestSettings, log_database_url: str
) -> None:
    server, name = log_database_url.rsplit("/", 1)
    without_redis = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    async with running(without_redis):
        await produce(settings, [event(n) for n in range(500)])
        await until(lambda: ingested(log_database_url) > 0)
        with psycopg.connect(f"{server}/template1", autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            await produce(settings, [event(n) for n in range(500, 1000)])
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        await until(lambda: ingested(log_database_url) == 1000)
    assert recipients(log_database_url) == list(range(1000))


async def test_a_broker_set_up_anew_is_read_from_its_beginning(settings: IngestSettings, log_database_url: str) -> None:
    """To the ingest it is a broker with another cluster id; its former row stays as it is."""
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ingest_offsets (cluster_id, topic, partition, next_offset) "
            "SELECT 'former', %s, p, 5000 FROM generate_series(0, 11) p",
            [settings.kafka_topic],
        )
    await produce(settings, [event(n) for n in range(50)])
    async with running(settings):
        await until(lambda: ingested(log_database_url) == 12 * 5000 + 50)
    assert recipients(log_database_url) == list(range(50))


@pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning")  # aiokafka, of one that died at its birth
async def test_a_broker_that_goes_away_is_reported_once_and_survived(
    asyncio_loop: Any, log_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    stop = Stop(patience_s())
    with capture_logs() as lines, trio.fail_after(patience_s()):
        async with trio.open_nursery() as nursery:
            async with open_servers(tmp_path, ["kafka"]) as broker:
                settings = settings_for(log_database_url, redis_url, str(broker.kafka_bootstrap))
                await nursery.start(serve, settings, stop)
            await until(lambda: any(line["event"] == "part_unreachable" for line in lines))
            stop.request()
    assert [line["part"] for line in lines if line["log_level"] == "warning"] == ["kafka"]
    gc.collect()  # that connection, here and not within another test


async def test_offsets_beyond_the_end_stop_the_ingest_with_an_alarm(
    settings: IngestSettings, log_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member, "_PATIENCE_S", 0.0)
    now = await aio(prepare_topic, settings)
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ingest_offsets (cluster_id, topic, topic_id, partition, next_offset) "
            "VALUES (%s, %s, %s, 3, 7)",
            [now.cluster_id, now.topic, now.topic_id],
        )
    await produce(settings, [event(n) for n in range(20)])
    with trio.fail_after(patience_s()), pytest.RaisesGroup(OffsetsOutOfRange, flatten_subgroups=True) as caught:
        await serve(settings, Stop(1.0))
    assert re.search("partition 3 (ends at .*, but|has no offset) 7", str(caught.value.exceptions))
    assert "DELETE FROM ingest_offsets WHERE cluster_id" in str(caught.value.exceptions)


async def test_a_database_without_the_schema_is_refused(
    asyncio_loop: Any, postgres_url: str, redis_url: str, kafka_bootstrap: str
) -> None:
    with pytest.RaisesGroup(MigrationsPending, flatten_subgroups=True):
        await serve(settings_for(postgres_url, redis_url, kafka_bootstrap), Stop(1.0))


@pytest.mark.parametrize("requests", [1, 2])
async def test_a_stop_before_anything_answers_ends_the_ingest(asyncio_loop: Any, requests: int) -> None:
    made = settings_for("postgresql://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1/0", "127.0.0.1:1")
    stop = Stop(patience_s())
    with trio.fail_after(patience_s()):
        async with trio.open_nursery() as nursery:
            for _ in range(requests):
                nursery.start_soon(_request_when_blocked, stop)
            await nursery.start(serve, made, stop)


async def _request_when_blocked(stop: Stop) -> None:
    await wait_all_tasks_blocked()
    stop.request()
