"""A log topic that takes smaller batches than the relay likes to send."""

from __future__ import annotations

import pytest
import trio
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schema.keys import key
from schema.runtime.asyncio_door import aio
from tests.integration.sender.world import World, people
from tests.patience import patience_s


async def _make_topic(bootstrap: str, name: str, most_bytes: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        configs = {"max.message.bytes": str(most_bytes)}
        await admin.create_topics([NewTopic(name, 1, 1, topic_configs=configs)])
    finally:
        await admin.close()  # noqa: ASYNC102 - asyncio side


@pytest.mark.parametrize("kafka_bootstrap", ["kafka"], indirect=True)
async def test_a_topic_that_takes_only_small_batches_gets_all_events(world: World, kafka_bootstrap: str) -> None:
    await aio(_make_topic, kafka_bootstrap, world.values["kafka_topic"], 20_000)
    await world.add("r", people(500))
    await world.runs.cancel("r")  # ends in groups of 200 events, far more than fits
    async with world.sender():
        await world.finished("r")
        with trio.fail_after(patience_s()):
            while await aio(world.redis.hget, key("app"), "outbox") != b"0":
                await trio.sleep(0.02)
