"""Which life of the topic there is, and what a broker says that lets us make none."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
import trio
from aiokafka.admin import AIOKafkaAdminClient
from structlog.testing import capture_logs

from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import TopicRefused, look_at_topic, prepare_topic
from schema.runtime.outage import Outage
from schema.runtime.settings import KafkaSettings
from tests.kafka.broker import KafkaBroker
from tests.patience import patience_s


def settings_of(**values: Any) -> KafkaSettings:
    return KafkaSettings.model_validate({"kafka_topic": f"t-{uuid4().hex[:8]}", **values})


def login(broker: KafkaBroker, user: str) -> KafkaSettings:
    """How this user reaches the broker: SASL over TLS."""
    return settings_of(
        kafka_bootstrap_servers=broker.tls_login_bootstrap,
        kafka_security_protocol="SASL_SSL",
        kafka_ssl_cafile=str(broker.ca_file),
        kafka_sasl_mechanism="PLAIN",
        kafka_sasl_username=user,
        kafka_sasl_password=broker.PASSWORD,
    )


async def _delete(settings: KafkaSettings) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        await admin.start()
        await admin.delete_topics([settings.kafka_topic])
    finally:
        await admin.close()  # noqa: ASYNC102 - asyncio side


@pytest.mark.both_brokers
async def test_a_topic_made_again_has_another_id(asyncio_loop: object, kafka_bootstrap: str) -> None:
    settings = settings_of(kafka_bootstrap_servers=kafka_bootstrap)
    assert await aio(look_at_topic, settings) is None
    first = await aio(prepare_topic, settings)
    assert await aio(prepare_topic, settings) == await aio(look_at_topic, settings) == first
    assert first.topic_id
    await aio(_delete, settings)
    with trio.fail_after(patience_s()):
        while await aio(look_at_topic, settings) is not None:  # Kafka tells of it a moment later
            await trio.sleep(0.02)
    again = await aio(prepare_topic, settings)
    assert (again.cluster_id, again.topic) == (first.cluster_id, first.topic)
    assert again.topic_id not in ("", first.topic_id)


async def test_with_login_and_tls_a_topic_is_made_and_told(asyncio_loop: object, kafka_broker: KafkaBroker) -> None:
    assert (await aio(prepare_topic, login(kafka_broker, "owner"))).topic_id


async def test_a_broker_that_lets_us_make_no_topic_is_told_with_what_to_do(
    asyncio_loop: object, kafka_broker: KafkaBroker
) -> None:
    settings = login(kafka_broker, "limited")
    with pytest.raises(TopicRefused) as caught:
        await aio(prepare_topic, settings)
    outage = Outage("kafka")
    with capture_logs() as logs:
        for now_s in (0.0, 1.0, 30.0):
            assert 0 < outage.failed(caught.value, now_s) <= 5
    [line] = logs
    assert (line["event"], line["part"], line["log_level"]) == ("part_refuses", "kafka", "error")
    command = (
        f"--bootstrap-server {kafka_broker.tls_login_bootstrap} --create --topic {settings.kafka_topic} --partitions 12"
    )
    assert command in line["reason"]
    assert kafka_broker.PASSWORD not in str(line)
