"""What services log of a handshake that fails, and that they work through one that does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from aiokafka.errors import KafkaConnectionError
from psycopg import sql
from pydantic import SecretStr
from redis import RedisError
from structlog.testing import capture_logs

from ops.shell.said import explain
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from schema.runtime.outage import Outage
from schema.runtime.redis import open_redis
from schema.runtime.settings import KafkaSettings
from schema.runtime.tls_trouble import tls_trouble
from sender.runs.databases.database import Database
from sender.runs.databases.errors import DatabaseAway
from tests.kafka.broker import KafkaBroker
from tests.tls.doors import TROUBLES, Doors

SAID_BY_LIBPQ = {
    kind: words for kind, words in TROUBLES.items() if kind in ("another name", "old version")
} | dict.fromkeys(
    ("expired", "not yet valid", "unknown authority"), "expired, or signed by an authority that is not known here"
)
"""It does not tell these three apart, and the log points to the doctor, who does."""


async def ask(url: str) -> Any:
    async with Database(SecretStr(url), Outage("source database"), read_only=True) as database:
        return await database.rows(sql.SQL("SELECT 1"))


@pytest.mark.parametrize("kind", SAID_BY_LIBPQ)
async def test_run_processor_logs_why_a_database_is_away(
    asyncio_loop: object, doors: Doors, postgres_url: str, kind: str
) -> None:
    with capture_logs() as logs, pytest.raises(DatabaseAway):
        await ask(doors.checked_postgres(postgres_url, kind))
    assert SAID_BY_LIBPQ[kind] in logs[0]["cause"]


async def test_run_processor_reads_a_database_that_it_checks(
    asyncio_loop: object, doors: Doors, postgres_url: str
) -> None:
    assert await ask(doors.checked_postgres(postgres_url))


@pytest.mark.parametrize("kind", TROUBLES)
async def test_of_redis_the_cause_is_said(asyncio_loop: object, doors: Doors, redis_url: str, kind: str) -> None:
    client = open_redis(doors.checked_redis(redis_url, kind))
    with pytest.raises(RedisError) as caught:
        await aio(client.ping)
    await aio(client.aclose)
    if kind != "client certificate":  # the server hangs up, and who reads first sees that: the doctor shakes hands
        assert TROUBLES[kind] in explain(caught.value)[0]


async def test_redis_that_is_checked_answers(asyncio_loop: object, doors: Doors, redis_url: str) -> None:
    client = open_redis(doors.checked_redis(redis_url))
    assert await aio(client.ping)
    await aio(client.aclose)


@pytest.mark.parametrize("kind", TROUBLES)
async def test_sender_and_ingest_say_why_the_broker_is_away(
    asyncio_loop: object, doors: Doors, kafka_bootstrap: str, kind: str
) -> None:
    settings = KafkaSettings.model_validate(
        {
            "kafka_bootstrap_servers": f"127.0.0.1:{doors.open(kafka_bootstrap, kind)}",
            "kafka_security_protocol": "SSL",
            "kafka_ssl_cafile": str(doors.ca_file),
        }
    )
    with pytest.raises(KafkaConnectionError) as caught:
        await aio(prepare_topic, settings)
    assert TROUBLES[kind] in str(tls_trouble(caught.value))


async def test_apache_kafka_with_tls_is_used_and_its_troubles_are_told(
    asyncio_loop: object, doors: Doors, kafka_broker: KafkaBroker
) -> None:
    def way(server: str, ca_file: Path | None) -> KafkaSettings:
        values = {"kafka_bootstrap_servers": server, "kafka_topic": f"tls-{uuid4().hex[:8]}"}
        if ca_file is not None:
            values |= {"kafka_security_protocol": "SSL", "kafka_ssl_cafile": str(ca_file)}
        return KafkaSettings.model_validate(values)

    assert (await aio(prepare_topic, way(kafka_broker.tls_bootstrap, kafka_broker.ca_file))).topic_id
    for settings, words in (
        (way(kafka_broker.tls_bootstrap, doors.ca_file), "authority that is not known here: set KAFKA_SSL_CAFILE"),
        (way(kafka_broker.tls_bootstrap, None), "only with TLS"),
        (way(kafka_broker.bootstrap, kafka_broker.ca_file), "does not answer TLS's handshake"),
    ):
        with pytest.raises(KafkaConnectionError) as caught:
            await aio(prepare_topic, settings)
        assert words in str(tls_trouble(caught.value))


def test_commands_say_it_of_the_log_database(doors: Doors, postgres_url: str) -> None:
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(doors.checked_postgres(postgres_url, "another name"))
    [line] = explain(caught.value)
    assert "is for another name" in line
    assert "password" not in line
