"""The ingest before a log database that answers and refuses: one line that says what to do, then on when mended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import trio
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr
from structlog.testing import capture_logs

from ingest.app import serve
from ingest.settings import IngestSettings
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from schema.runtime.stop import Stop
from tests.integration.ingest.events import event, ingested, recipients, until
from tests.patience import patience_s


@asynccontextmanager
async def running(settings: IngestSettings) -> AsyncIterator[None]:
    stop = Stop(patience_s())
    with trio.fail_after(patience_s()):
        async with trio.open_nursery() as nursery:
            await nursery.start(serve, settings, stop)
            yield
            stop.request()


async def produce(settings: IngestSettings, value: bytes) -> None:
    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers) as producer:
            await producer.send_and_wait(settings.kafka_topic, value, partition=0)

    await aio(send)


async def test_database_that_becomes_read_only_is_told_once_and_written_to_again_when_it_is_mended(
    asyncio_loop: Any, log_database_url: str, redis_url: str, kafka_bootstrap: str
) -> None:
    settings = IngestSettings(
        log_database_url=SecretStr(log_database_url),
        redis_url=SecretStr(redis_url),
        kafka_bootstrap_servers=kafka_bootstrap,
        kafka_topic=f"test-{uuid4().hex}",
        log_batch_interval_ms=50,
        log_partitions_ahead=1,
    )
    await aio(prepare_topic, settings)
    name = log_database_url.rsplit("/", 1)[-1]
    with psycopg.connect(log_database_url, autocommit=True) as owner, capture_logs() as lines:
        async with running(settings):
            await produce(settings, event(1))
            await until(lambda: ingested(log_database_url) == 1)
            owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
            others = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            )
            owner.execute(others, [name])
            await produce(settings, event(2))
            await until(lambda: any(line["event"] == "part_refuses" for line in lines))
            await produce(settings, event(3))
            owner.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
            await until(lambda: ingested(log_database_url) == 3)
    assert recipients(log_database_url) == [1, 2, 3]
    [refusal] = [line for line in lines if line["event"] == "part_refuses"]
    assert (refusal["part"], "takes no writes" in refusal["reason"]) == ("log_database", True)
