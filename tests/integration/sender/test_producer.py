"""How events reach the topic: once however often they are tried, where the broker helps with that, and compressed."""

from __future__ import annotations

from uuid import uuid4

import pytest
import trio
from aiokafka import AIOKafkaConsumer, TopicPartition

from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from schema.runtime.settings import KafkaSettings
from sender.outbox.kafka_batches import produce
from sender.outbox.producer import open_producer
from tests.integration.ingest.events import event
from tests.patience import patience_s

EVENTS = [(b"page", event(n)) for n in range(500)]


@pytest.mark.both_brokers
async def test_batches_are_compressed_and_idempotent_where_the_broker_has_that(
    asyncio_loop: object, kafka_bootstrap: str, request: pytest.FixtureRequest
) -> None:
    topic = f"t-{uuid4().hex[:8]}"
    settings = KafkaSettings.model_validate({"kafka_bootstrap_servers": kafka_bootstrap, "kafka_topic": topic})

    async def send_and_read() -> tuple[bool, int, list[bytes]]:
        await prepare_topic(settings)
        async with open_producer(settings, 256 * 1024) as producer:
            idempotent = producer._txn_manager is not None
            batch = producer.create_batch()
            batch.append(key=b"page", value=EVENTS[0][1] * 100, timestamp=None)
            [(partition, offset), *_] = await produce(producer, topic, EVENTS)
        async with AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap) as consumer:
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            consumer.seek(place, offset)
            read: list[bytes] = []
            while len(read) < len(EVENTS):
                found = await consumer.getmany(timeout_ms=200)
                read += [message.value for messages in found.values() for message in messages]
        return idempotent, len(batch._build()), read

    with trio.fail_after(patience_s()):
        idempotent, size, read = await aio(send_and_read)
    assert idempotent == ("kafka" in request.node.name)
    assert size < 10 * len(EVENTS[0][1])
    assert read == [value for _, value in EVENTS]
