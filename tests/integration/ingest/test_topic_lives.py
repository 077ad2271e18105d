"""A topic deleted and made again under its name: what is in the new one becomes rows, what is missing is told."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from msgspec.structs import replace
from pydantic import SecretStr
from structlog.testing import capture_logs

from ingest.reading.topic import group_of
from ingest.settings import IngestSettings
from schema.runtime import kafka
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from schema.topic import Log
from tests.integration.ingest.events import event, fetch, ingested, recipients, until, waits_for_the_dead_letters
from tests.integration.ingest.service import make_again, produce, running
from tests.kafka.broker import KafkaBroker

both_brokers = pytest.mark.both_brokers
on_kafka = pytest.mark.parametrize("kafka_bootstrap", ["kafka"], indirect=True)
"""The embedded broker takes eleven seconds to let somebody join a group a second time."""
ALARMS = {"topic_made_again", "topic_is_gone"}


def alarms(lines: list[Any]) -> list[Any]:
    """What was said of ended lives: how much is missing."""
    return [line["events_missing"] for line in lines if line["event"] in ALARMS]


def was_read(url: str, log: Log, offset: int) -> None:
    """Note all partitions of this life as read up to an offset."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ingest_offsets (cluster_id, topic, topic_id, partition, next_offset) "
            "SELECT %s, %s, %s, partition, %s FROM generate_series(0, 11) partition",
            [log.cluster_id, log.topic, log.topic_id, offset],
        )


@pytest.fixture
def no_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that tells no topic ids."""

    async def told_by_none(*_: Any) -> Any:
        raise NotImplementedError

    monkeypatch.setattr(kafka, "topic_id", told_by_none)


@both_brokers
async def test_made_again_under_a_running_ingest(settings: IngestSettings, log_database_url: str) -> None:
    with capture_logs() as lines:
        async with running(settings):
            await produce(settings, [event(n) for n in range(300)])
            await until(lambda: len(recipients(log_database_url)) == 300)
            await make_again(settings)
            await until(lambda: bool(alarms(lines)))
            await produce(settings, [event(n) for n in range(300, 500)])
            await until(lambda: len(recipients(log_database_url)) == 500)
    assert recipients(log_database_url) == list(range(500))
    assert alarms(lines) == [0]


@on_kafka
async def test_made_again_behind_a_login_and_tls(
    settings: IngestSettings, log_database_url: str, kafka_broker: KafkaBroker
) -> None:
    login = {
        "kafka_bootstrap_servers": kafka_broker.tls_login_bootstrap,
        "kafka_security_protocol": "SASL_SSL",
        "kafka_ssl_cafile": kafka_broker.ca_file,
        "kafka_sasl_username": "owner",
        "kafka_sasl_password": SecretStr(kafka_broker.PASSWORD),
    }
    with capture_logs() as lines:
        async with running(settings.model_copy(update=login)):
            await make_again(settings)
            await until(lambda: bool(alarms(lines)))
            await produce(settings, [event(n) for n in range(100)])
            await until(lambda: len(recipients(log_database_url)) == 100)


@both_brokers
async def test_made_again_while_no_ingest_runs(settings: IngestSettings, log_database_url: str) -> None:
    was_read(log_database_url, await aio(prepare_topic, settings), 70)
    await make_again(settings)
    await produce(settings, [event(n) for n in range(300)])
    with capture_logs() as lines:
        async with running(settings):
            await until(lambda: ingested(log_database_url) == 12 * 70 + 300)
    assert recipients(log_database_url) == list(range(300))
    assert alarms(lines) == ["unknown"]


@on_kafka
async def test_what_was_read_of_a_topic_that_is_gone_becomes_rows(
    settings: IngestSettings, log_database_url: str
) -> None:
    with capture_logs() as lines:
        async with running(settings):
            with psycopg.connect(log_database_url) as blocker:
                blocker.execute("LOCK TABLE message_log_dead_letters IN ACCESS EXCLUSIVE MODE")
                await produce(settings, [*(event(n) for n in range(50)), b"wrong"])
                await until(lambda: waits_for_the_dead_letters(log_database_url))
                await make_again(settings)
            await until(lambda: bool(alarms(lines)))
            await until(lambda: recipients(log_database_url) == list(range(50)))
    assert alarms(lines) == [0]


@pytest.mark.usefixtures("no_ids")
@on_kafka
async def test_without_ids_the_first_message_tells(settings: IngestSettings, log_database_url: str) -> None:
    with capture_logs() as lines:
        async with running(settings):
            await produce(settings, [event(n) for n in range(300)])
            await until(lambda: len(recipients(log_database_url)) == 300)
            await make_again(settings)
            await produce(settings, [event(n) for n in range(300, 700)])
            await until(lambda: len(recipients(log_database_url)) == 700)
    assert alarms(lines)
    await make_again(settings)
    await produce(settings, [event(n) for n in range(700, 1200)])
    with capture_logs() as lines:
        async with running(settings):
            await until(lambda: len(recipients(log_database_url)) == 1200)
    assert set(alarms(lines)) == {"unknown"}
    assert fetch(log_database_url, "SELECT DISTINCT topic_id FROM ingest_offsets") == [("",)]


@both_brokers
async def test_offsets_of_the_former_release_are_taken_over(settings: IngestSettings, log_database_url: str) -> None:
    now = await aio(prepare_topic, settings)
    await produce(settings, [event(n) for n in range(300)])
    was_read(log_database_url, replace(now, topic_id=""), 1)
    with capture_logs() as lines:
        async with running(settings):
            await until(lambda: ingested(log_database_url) == 300)
    assert len(recipients(log_database_url)) == 300 - 12
    assert alarms(lines) == []
    assert fetch(log_database_url, "SELECT DISTINCT topic_id FROM ingest_offsets") == [(now.topic_id,)]


@on_kafka
async def test_offsets_of_the_former_release_that_are_of_a_former_topic_are_not(
    settings: IngestSettings, log_database_url: str
) -> None:
    now = await aio(prepare_topic, settings)
    was_read(log_database_url, replace(now, topic_id=""), 1)
    await produce(settings, [event(n) for n in range(300)])
    with capture_logs() as lines:
        async with running(settings):
            await until(lambda: len(recipients(log_database_url)) == 300)
    assert alarms(lines) == ["unknown"]


@on_kafka
async def test_the_group_says_how_far_it_is(settings: IngestSettings, log_database_url: str) -> None:
    async def told() -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
        try:
            await admin.start()
            return sum(o.offset for o in (await admin.list_consumer_group_offsets(group_of(settings))).values())
        finally:
            await admin.close()  # noqa: ASYNC102 - asyncio side

    await produce(settings, [event(n) for n in range(100)])
    async with running(settings):
        await until(lambda: ingested(log_database_url) == 100)
    assert await aio(told) == 100


@on_kafka
async def test_what_the_group_says_does_not_count(settings: IngestSettings, log_database_url: str) -> None:
    await produce(settings, [event(n) for n in range(100)])
    async with running(settings):
        await until(lambda: ingested(log_database_url) == 100)
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        connection.execute("SELECT set_config('newar.keeps_figures', 'yes', false)")
        connection.execute("UPDATE ingest_offsets SET next_offset = 0")
        connection.execute("DELETE FROM message_logs")
    async with running(settings):
        await until(lambda: ingested(log_database_url) == 100)
    assert recipients(log_database_url) == list(range(100))


@on_kafka
async def test_a_member_that_others_leave_nothing_says_so_once_and_calmly(
    settings: IngestSettings, log_database_url: str
) -> None:
    await make_again(settings, partitions=1)
    with capture_logs() as lines:
        async with running(settings), running(settings):
            await until(lambda: any(line["event"] == "other_members_have_all_partitions" for line in lines))
            await produce(settings, [event(n) for n in range(100)])
            await until(lambda: ingested(log_database_url) == 100)
    assert [line["event"] for line in lines if line["log_level"] in ("warning", "error")] == []
