"""The ingest as a service for tests: its settings, running it, and filling its topic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import trio
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic import SecretStr

from ingest.app import serve
from ingest.settings import IngestSettings
from schema.runtime.asyncio_door import aio
from schema.runtime.stop import Stop
from tests.patience import patience_s


def settings_for(database: str, redis_address: str, broker: str) -> IngestSettings:
    return IngestSettings(
        log_database_url=SecretStr(database),
        redis_url=SecretStr(redis_address),
        kafka_bootstrap_servers=broker,
        kafka_topic=f"test-{uuid4().hex}",
        log_batch_interval_ms=100,
        log_partitions_ahead=1,
    )


@asynccontextmanager
async def running(settings: IngestSettings) -> AsyncIterator[Stop]:
    """An ingest that is ready; stopped softly at the end of the block."""
    stop = Stop(patience_s())
    with trio.fail_after(patience_s()):
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


async def make_again(settings: IngestSettings, partitions: int = 12) -> None:
    """Delete the topic and make it again under its name. Whoever runs may be quicker to make it."""

    async def act() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
        try:
            await admin.start()
            await admin.delete_topics([settings.kafka_topic])
            await admin.create_topics([NewTopic(settings.kafka_topic, partitions, 1)])
        finally:
            await admin.close()  # noqa: ASYNC102 - asyncio side

    await aio(act)
