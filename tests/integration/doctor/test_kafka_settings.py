"""What the doctor says of real brokers: dangerous topics, a login that is wrong or lacks rights, unknown settings."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic import SecretStr
from structlog.testing import capture_logs

from ops.doctor.finding import Finding
from ops.doctor.kafka import check_kafka
from ops.doctor.ways import to_kafka
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from schema.runtime.kafka_refusals import kafka_refusal
from schema.runtime.outage import Outage
from schema.runtime.settings import KafkaSettings
from tests.kafka.broker import KafkaBroker

LOGIN = {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_sasl_username": "limited"}


def way(bootstrap: str, **values: Any) -> KafkaSettings:
    return KafkaSettings(kafka_bootstrap_servers=bootstrap, **{"kafka_topic": f"test-{uuid4().hex}"} | values)


def limited(broker: KafkaBroker, *, password: str = KafkaBroker.PASSWORD, **values: Any) -> KafkaSettings:
    values = {"bootstrap": broker.login_bootstrap, **LOGIN, **values}
    return way(kafka_sasl_password=SecretStr(password), **values)


async def make(settings: KafkaSettings, **configs: str) -> None:
    """Make its topic, with 12 partitions and these settings."""

    async def create() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
        await admin.start()
        named = {name.replace("_", "."): value for name, value in configs.items()}
        await admin.create_topics([NewTopic(settings.kafka_topic, 12, 1, topic_configs=named)])
        await admin.close()

    await aio(create)
    await aio(until_led, settings)


async def until_led(settings: KafkaSettings) -> None:
    """Wait until all its partitions have leaders; before, the doctor says that they have none."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    leaders: list[int] = []
    while len(leaders) < 12 or min(leaders) < 0:
        [topic] = await admin.describe_topics([settings.kafka_topic])
        leaders = [partition["leader"] for partition in topic["partitions"]]
    await admin.close()


def bad(found: list[Finding]) -> list[str]:
    """What is not well, but for where the broker keeps its data, and that it leads nothing at times when it is busy."""
    return [f"{f.text} | {f.mend}" for f in found if f.status != "ok" and not any(t in f.text for t in _OF_THE_TEST)]


_OF_THE_TEST = ("log.dirs", "no leader", "not in sync")


async def test_every_dangerous_setting_of_a_topic_is_named(asyncio_loop: Any, kafka_broker: KafkaBroker) -> None:
    settings = way(kafka_broker.bootstrap)
    await make(settings)
    assert bad(await check_kafka(settings)) == []
    settings = way(kafka_broker.bootstrap)
    dangerous = {"cleanup_policy": "compact", "retention_bytes": "1000000", "min_insync_replicas": "3"}
    await make(settings, **dangerous, max_message_bytes="2000", retention_ms="90000")
    found = await check_kafka(settings)
    named = ("cleanup.policy", "keeps events for 90 s", "keeps 1.0 MB", "min.insync.replicas", "max.message.bytes")
    told = bad(found)
    assert [[name for name in named if name in text] for text in told] == [[name] for name in named], told
    assert [f.status for f in found if any(name in f.text for name in named)] == ["fail"] * len(named)


@pytest.mark.both_brokers
async def test_topic_that_we_make_ourselves_is_safe_or_not_known(asyncio_loop: Any, kafka_bootstrap: str) -> None:
    settings = way(kafka_bootstrap)
    assert any("does not exist yet" in text for text in bad(await check_kafka(settings)))
    await aio(prepare_topic, settings)
    await aio(until_led, settings)
    assert [text for text in bad(await check_kafka(settings)) if "not known" not in text] == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "wrong-secret"}, "the user or the password is wrong"),
        ({"kafka_sasl_username": "nobody"}, "the user or the password is wrong"),
        ({"kafka_sasl_mechanism": "SCRAM-SHA-256"}, "set KAFKA_SASL_MECHANISM"),
        ({"kafka_security_protocol": "PLAINTEXT"}, "wants another kind of connection"),
    ],
)
async def test_login_that_is_wrong_is_named_as_such(
    asyncio_loop: Any, kafka_broker: KafkaBroker, changes: dict[str, Any], said: str
) -> None:
    settings = limited(kafka_broker, **changes)
    with pytest.raises(Exception, match="bootstrap") as caught:
        await check_kafka(settings)
    assert said in str(await to_kafka("kafka", settings).why(caught.value))
    with pytest.raises(Exception, match="bootstrap") as caught:
        await aio(prepare_topic, settings)
    with capture_logs() as lines:
        Outage("kafka").failed(caught.value, 0.0)
    [line] = lines
    assert line["event"] == "part_refuses"
    assert said in line["reason"]
    assert "secret" not in str(lines)


async def test_login_at_a_port_without_logins_is_told_so(asyncio_loop: Any, kafka_broker: KafkaBroker) -> None:
    settings = limited(kafka_broker, bootstrap=kafka_broker.bootstrap)
    with pytest.raises(Exception, match="bootstrap") as caught:
        await aio(prepare_topic, settings)
    assert "wants another kind of connection" in str(kafka_refusal(caught.value))


async def test_rights_that_a_login_lacks_are_named_and_nothing_is_taken_for_well(
    asyncio_loop: Any, kafka_broker: KafkaBroker
) -> None:
    exists = way(kafka_broker.bootstrap)
    await make(exists)
    found = await check_kafka(limited(kafka_broker, kafka_topic=exists.kafka_topic))
    [rights, settings] = bad(found)
    assert f"--operation Describe --operation Read --operation Write --topic {exists.kafka_topic}" in rights
    assert f"--operation Read --group newar.ingest.{exists.kafka_topic}" in rights
    assert "--operation DescribeConfigs --cluster" in settings
    assert [f.text for f in found if f.status == "ok"] == ["answers, 1 broker(s)"]
