"""The ingest on a real database, broker and Redis: every event is a row once, whatever happens in between."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
import redis
import trio
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr
from structlog.testing import capture_logs
from trio.testing import wait_all_tasks_blocked

from ingest import member
from ingest.app import serve
from ingest.batch import Batch
from ingest.consume import OffsetsOutOfRange
from ingest.partitions import drop, ensure, ensure_days, list_partitions, partition_name
from ingest.rows import Row, read_message
from ingest.settings import IngestSettings
from ingest.writer import Log, OffsetsMoved, Writer
from ops.local.servers import open_servers
from schema.event import LogEvent, encode_event
from schema.keys import key
from schema.migrate import MigrationsPending
from schema.outcomes import Outcome
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from schema.runtime.stop import Stop
from schema.snapshot import ProcessSnapshot

PATIENCE_S = 60.0
pytestmark = pytest.mark.both_brokers
LOG = Log("cluster-1", "topic-1")


def event(number: int, sent_at: datetime | None = None) -> bytes:
    return encode_event(
        LogEvent(
            event_id=uuid4(),
            run_id="run-1",
            page_id=str(1000 + number % 20),
            recipient_id=str(number),
            attempt=1,
            outcome=Outcome.SENT,
            sent_at=sent_at or datetime.now(UTC),
            sender_id="sender-1",
            schema_version=1,
            message_id=f"m_{number}",
        )
    )


def fetch(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def recipients(url: str) -> list[int]:
    return [int(number) for (number,) in fetch(url, "SELECT recipient_id FROM message_logs ORDER BY recipient_id::int")]


def ingested(url: str) -> int:
    [(count,)] = fetch(url, "SELECT coalesce(sum(next_offset), 0) FROM ingest_offsets")
    return int(count)


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - the change is in another process
            await trio.sleep(0.02)


# ---- the writer alone: one batch, one transaction ----


@pytest.fixture
async def writer(asyncio_loop: Any, log_database_url: str) -> AsyncIterator[Writer]:
    made = Writer(log_database_url, keep_days=7, ahead_days=30)
    await aio(made.begin, LOG, {0: 0, 1: 0})
    yield made
    await aio(made.close)


def batch(partition: int, start: int, values: Iterable[bytes]) -> Batch:
    made = Batch()
    read = [read_message(partition, start + n, value) for n, value in enumerate(values)]
    made.add(partition, (start, start + len(read)), read, 0.0)
    return made


async def test_an_event_consumed_twice_is_one_row(writer: Writer, log_database_url: str) -> None:
    events = [event(n) for n in range(5)]
    first = await aio(writer.write, LOG, batch(0, 0, [*events, events[0]]))
    again = await aio(writer.write, LOG, batch(1, 0, events))
    assert (first.rows, again.rows) == (5, 0)
    assert recipients(log_database_url) == [0, 1, 2, 3, 4]
    assert await aio(writer.next_offsets, LOG, [0, 1]) == {0: 6, 1: 5}


async def test_a_batch_whose_offsets_somebody_else_moved_leaves_no_row(writer: Writer, log_database_url: str) -> None:
    mine, theirs = batch(0, 0, [event(1), event(2)]), batch(0, 0, [event(3)])
    mine.add(1, (0, 1), [read_message(1, 0, event(4))], 0.0)
    await aio(writer.write, LOG, theirs)
    with pytest.raises(OffsetsMoved):
        await aio(writer.write, LOG, mine)
    assert recipients(log_database_url) == [3]
    assert await aio(writer.next_offsets, LOG, [0, 1]) == {0: 1, 1: 0}


async def test_wrong_messages_become_dead_letters_and_the_rest_rows(writer: Writer, log_database_url: str) -> None:
    values = [event(1), b"\xff\0 no event", event(2), event(3).replace(b'"sent"', b'"lost"')]
    written = await aio(writer.write, LOG, batch(0, 0, values))
    assert (written.rows, written.dead_letters) == (2, 2)
    assert recipients(log_database_url) == [1, 2]
    dead = fetch(log_database_url, 'SELECT "offset", raw, reason FROM message_log_dead_letters ORDER BY 1')
    assert [(offset, bytes(raw)) for offset, raw, _ in dead] == [(1, values[1]), (3, values[3])]
    assert all(reason for *_, reason in dead)


async def test_what_only_postgres_refuses_is_found_among_the_others(writer: Writer, log_database_url: str) -> None:
    made = batch(0, 0, [event(n) for n in range(9)])
    for place in (0, 5, 8):
        row = made.rows[place]
        line = row.line.replace("\t1\t", "\tmany\t", 1)  # its number of the attempt
        made.rows[place] = Row(row.partition, row.offset, row.raw, line, row.day, row.sent_at)
    written = await aio(writer.write, LOG, made)
    assert (written.rows, written.dead_letters) == (6, 3)
    assert recipients(log_database_url) == [1, 2, 3, 4, 6, 7]
    dead = fetch(log_database_url, 'SELECT "offset", reason FROM message_log_dead_letters ORDER BY 1')
    assert [offset for offset, _ in dead] == [0, 5, 8]
    assert all("integer" in reason for _, reason in dead)


async def test_events_on_both_sides_of_midnight_go_into_their_own_days(writer: Writer, log_database_url: str) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    before, after = event(1, midnight - timedelta(microseconds=1)), event(2, midnight)
    await aio(writer.write, LOG, batch(0, 0, [before, after]))
    rows = fetch(log_database_url, "SELECT recipient_id, tableoid::regclass::text FROM message_logs ORDER BY 1")
    yesterday, today = midnight.date() - timedelta(days=1), midnight.date()
    assert rows == [("1", partition_name(yesterday)), ("2", partition_name(today))]


async def test_a_date_out_of_reach_is_a_dead_letter_and_makes_no_partition(
    writer: Writer, log_database_url: str
) -> None:
    now = datetime.now(UTC)
    far = [event(1, now - timedelta(days=9)), event(2, now + timedelta(days=40)), event(3, now)]
    written = await aio(writer.write, LOG, batch(0, 0, far))
    assert (written.rows, written.dead_letters) == (1, 2)
    assert fetch(log_database_url, "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent "
                 "WHERE c.relname = 'message_logs'") == [(1,)]  # fmt: skip
    assert "in no partition" in fetch(log_database_url, "SELECT reason FROM message_log_dead_letters")[0][0]


async def test_a_detached_day_is_left_alone(writer: Writer, log_database_url: str) -> None:
    name = partition_name(datetime.now(UTC).date())
    await aio(writer.write, LOG, batch(0, 0, [event(1)]))
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE message_logs DETACH PARTITION {name}".encode())
    written = await aio(writer.write, LOG, batch(0, 1, [event(2)]))
    assert (written.rows, written.dead_letters) == (0, 1)
    assert fetch(log_database_url, f"SELECT recipient_id FROM {name}") == [("1",)]  # noqa: S608


async def test_a_partition_dropped_behind_the_writers_back_is_made_again(writer: Writer, log_database_url: str) -> None:
    await aio(writer.write, LOG, batch(0, 0, [event(1)]))
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        connection.execute(f"DROP TABLE {partition_name(datetime.now(UTC).date())}".encode())
    assert (await aio(writer.write, LOG, batch(0, 1, [event(2)]))).rows == 1
    assert recipients(log_database_url) == [2]


async def test_a_write_cancelled_between_copy_and_commit_leaves_nothing(writer: Writer, log_database_url: str) -> None:
    made = batch(0, 0, [event(1), b"wrong", event(2)])
    async with trio.open_nursery() as nursery:
        with psycopg.connect(log_database_url) as blocker:
            blocker.execute("LOCK TABLE message_log_dead_letters IN ACCESS EXCLUSIVE MODE")
            nursery.start_soon(aio, writer.write, LOG, made)
            await until(lambda: waits_for_the_dead_letters(log_database_url))
            nursery.cancel_scope.cancel()
    assert recipients(log_database_url) == []
    await aio(writer.close)
    assert (await aio(writer.write, LOG, made)).rows == 2
    assert recipients(log_database_url) == [1, 2]


def waits_for_the_dead_letters(url: str) -> bool:
    """Somebody has stored his rows and waits at the last step before the commit."""
    query = "SELECT 1 FROM pg_locks WHERE relation = 'message_log_dead_letters'::regclass AND NOT granted"
    return bool(fetch(url, query))


# ---- partitions ----


@pytest.fixture
async def database(asyncio_loop: Any, log_database_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async def connect() -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(log_database_url, autocommit=True)

    connection = await aio(connect)
    yield connection
    await aio(connection.close)


async def days(connection: psycopg.AsyncConnection[Any]) -> list[date]:
    return [p.day for p in await aio(list_partitions, connection)]


async def test_partitions_are_made_ahead_once(database: psycopg.AsyncConnection[Any]) -> None:
    today = datetime.now(UTC).date()
    assert len(await aio(ensure, database, 3)) == 4
    assert await aio(ensure, database, 3) == []
    assert await days(database) == [today + timedelta(days=n) for n in range(4)]


async def test_two_who_make_partitions_at_once_make_each_once(
    database: psycopg.AsyncConnection[Any], log_database_url: str
) -> None:
    made: list[str] = []

    async def one() -> None:
        async def alone() -> None:
            async with await psycopg.AsyncConnection.connect(log_database_url, autocommit=True) as connection:
                made.extend(await ensure(connection, 9))

        await aio(alone)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one)
        nursery.start_soon(one)
    assert len(made) == len(set(made)) == len(await days(database)) == 10


async def test_only_days_older_than_the_retention_are_dropped(database: psycopg.AsyncConnection[Any]) -> None:
    today = datetime.now(UTC).date()
    await aio(ensure_days, database, [today - timedelta(days=n) for n in range(12)])
    dropped = await aio(drop, database, 7)
    assert dropped == [partition_name(today - timedelta(days=n)) for n in (11, 10, 9, 8)]
    assert await days(database) == [today - timedelta(days=n) for n in range(7, -1, -1)]


async def test_a_partition_has_the_indexes_of_the_log(
    database: psycopg.AsyncConnection[Any], log_database_url: str
) -> None:
    [name] = await aio(ensure, database, 0)
    query = "SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid = '{}'::regclass"
    assert fetch(log_database_url, query.format(name)) == [(5, True)]


# ---- the service ----


def settings_for(database: str, redis_address: str, broker: str) -> IngestSettings:
    return IngestSettings(
        log_database_url=SecretStr(database),
        redis_url=SecretStr(redis_address),
        kafka_bootstrap_servers=broker,
        kafka_topic=f"test-{uuid4().hex}",
        log_batch_interval_ms=100,
        log_partitions_ahead=1,
    )


@pytest.fixture
async def settings(asyncio_loop: Any, log_database_url: str, redis_url: str, kafka_bootstrap: str) -> IngestSettings:
    """Settings with a topic of its own that exists."""
    made = settings_for(log_database_url, redis_url, kafka_bootstrap)
    await aio(prepare_topic, made)
    return made


@asynccontextmanager
async def running(settings: IngestSettings) -> AsyncIterator[Stop]:
    """An ingest that is ready; stopped softly at the end of the block."""
    stop = Stop(10.0)
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(serve, settings, stop)
            yield stop
            stop.request()


async def produce(settings: IngestSettings, values: Sequence[bytes], group: int = 500) -> None:
    """Put values on the topic, spread over its partitions, in groups as a sender does."""

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, acks="all") as producer:
            for start in range(0, len(values), group):
                sends = [
                    await producer.send(settings.kafka_topic, value, key=str(start + n).encode())
                    for n, value in enumerate(values[start : start + group])
                ]
                await asyncio.gather(*sends)

    await aio(send)


async def test_events_on_the_topic_become_rows_and_figures(
    settings: IngestSettings, log_database_url: str, redis_url: str
) -> None:
    await produce(settings, [event(n) for n in range(1000)])
    client = redis.Redis.from_url(redis_url)
    async with running(settings):
        await until(lambda: ingested(log_database_url) == 1000)
        await until(lambda: sum(map(int, client.hvals(key("committed")))) == 1000)
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


async def test_a_process_killed_between_copy_and_commit_loses_and_doubles_nothing(
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
    assert recipients(log_database_url) == []
    async with running(settings):
        await until(lambda: ingested(log_database_url) == 301)
    assert recipients(log_database_url) == list(range(300))
    assert len(fetch(log_database_url, "SELECT FROM message_log_dead_letters")) == 1


async def test_rows_wait_for_a_database_that_is_away_and_for_no_redis(
    settings: IngestSettings, postgres_url: str
) -> None:
    server, name = postgres_url.rsplit("/", 1)
    without_redis = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    async with running(without_redis):
        await produce(settings, [event(n) for n in range(500)])
        await until(lambda: ingested(postgres_url) > 0)
        with psycopg.connect(f"{server}/template1", autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            await produce(settings, [event(n) for n in range(500, 1000)])
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        await until(lambda: ingested(postgres_url) == 1000)
    assert recipients(postgres_url) == list(range(1000))


async def test_a_broker_set_up_anew_is_read_from_its_beginning(settings: IngestSettings, log_database_url: str) -> None:
    """To the ingest it is a broker with another cluster id; its former row stays as it is."""
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ingest_offsets SELECT 'former', %s, p, 5000 FROM generate_series(0, 11) p",
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
    stop = Stop(10.0)
    with capture_logs() as lines, trio.fail_after(PATIENCE_S):
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
    cluster_id = await aio(prepare_topic, settings)
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        row = [cluster_id, settings.kafka_topic]
        connection.execute("INSERT INTO ingest_offsets VALUES (%s, %s, 3, 7)", row)
    await produce(settings, [event(n) for n in range(20)])
    with trio.fail_after(PATIENCE_S), pytest.RaisesGroup(OffsetsOutOfRange, flatten_subgroups=True) as caught:
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
    stop = Stop(10.0)
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            for _ in range(requests):
                nursery.start_soon(_request_when_blocked, stop)
            await nursery.start(serve, made, stop)


async def _request_when_blocked(stop: Stop) -> None:
    await wait_all_tasks_blocked()
    stop.request()
