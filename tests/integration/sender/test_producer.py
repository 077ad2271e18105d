"""How events reach the topic: once however often they are tried, where the broker helps with that, and compressed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
import trio
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import look_at_topic, prepare_topic
from schema.runtime.settings import KafkaSettings
from sender.outbox.kafka_batches import produce
from sender.outbox.producer import open_producer
from tests.integration.ingest.events import event
from tests.integration.sender.world import World, people
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


@pytest.mark.parametrize("kafka_bootstrap", ["kafka"], indirect=True)
async def test_what_a_topic_had_acknowledged_is_produced_again_when_it_was_made_again(
    world: World, kafka_bootstrap: str
) -> None:
    """Under OUTBOX_TRIM=committed, and no ingest has committed anything."""
    settings = KafkaSettings.model_validate(
        {"kafka_bootstrap_servers": kafka_bootstrap, "kafka_topic": world.values["kafka_topic"]}
    )
    await world.add("r", people(100))
    async with world.sender(outbox_trim="committed", drain_timeout_ms=0):
        await world.finished("r")
        await in_topic(settings, 100)
        first = await aio(look_at_topic, settings)
        await aio(_make_again, settings)
        with trio.fail_after(patience_s()):
            while await aio(look_at_topic, settings) in (first, None):
                await trio.sleep(0.02)
        await in_topic(settings, 100)


async def in_topic(settings: KafkaSettings, count: int) -> None:
    """Wait until the topic has so many events."""

    async def count_them() -> int:
        async with AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers) as consumer:
            places = [TopicPartition(settings.kafka_topic, n) for n in range(12)]
            return sum((await consumer.end_offsets(places)).values())

    with trio.fail_after(patience_s()):
        while await aio(count_them) < count:
            await trio.sleep(0.05)


async def _make_again(settings: KafkaSettings) -> Any:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        await admin.start()
        await admin.delete_topics([settings.kafka_topic])
        await admin.create_topics([NewTopic(settings.kafka_topic, 12, 1)])
    finally:
        await admin.close()  # noqa: ASYNC102 - asyncio side
