"""The broker: whether it answers and lets us, and whether its settings keep events until they are rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from ops.doctor.broker_settings import broker_findings
from ops.doctor.finding import Finding
from ops.doctor.kafka_rights import check_rights
from ops.doctor.topic_settings import PART, Settings, partition_findings, setting_findings
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import ANSWER_WITHIN_MS, connection_options
from schema.runtime.kafka_refusals import kafka_refusal
from schema.runtime.settings import KafkaSettings
from schema.topic import PARTITIONS

_BROKERS_ASKED = 20


async def check_kafka(settings: KafkaSettings) -> list[Finding]:
    """Ask it. Errors: aiokafka.errors.KafkaError, OSError."""
    return await aio(_check, settings)


async def _check(settings: KafkaSettings) -> list[Finding]:
    admin = AIOKafkaAdminClient(**connection_options(settings), request_timeout_ms=ANSWER_WITHIN_MS)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        brokers = [int(broker["node_id"]) for broker in cluster["brokers"]]
        rights = await check_rights(admin, settings.kafka_topic)
        found = [Finding(PART, "ok", f"answers, {len(brokers)} broker(s)"), *rights]
        exists = settings.kafka_topic in await admin.list_topics()
        if exists:
            [topic] = await admin.describe_topics([settings.kafka_topic])
            found += partition_findings(topic["partitions"], len(brokers))
            found += await _topic(admin, settings.kafka_topic, topic["partitions"])
        elif all(finding.status == "ok" for finding in rights):  # else it may be there, and not for us
            mend = f"nothing, if it may make topics; else make it with {PARTITIONS} partitions"
            found.append(Finding(PART, "warn", f"the topic {settings.kafka_topic} does not exist yet", mend))
        return [*found, *await _brokers(admin, brokers, exists)]
    finally:
        await admin.close()  # noqa: ASYNC102 - asyncio code; who calls it bounds it


async def _topic(admin: Any, name: str, partitions: list[dict[str, Any]]) -> list[Finding]:
    try:
        [told] = await _settings(admin, [ConfigResource(ConfigResourceType.TOPIC, name)])
    except (KafkaError, NotImplementedError, ValueError) as exc:
        return [_not_told("the topic's settings", exc, _OF_TOPIC, f"--operation DescribeConfigs --topic {name}")]
    return setting_findings(name, told, partitions)


async def _brokers(admin: Any, brokers: list[int], topic_exists: bool) -> list[Finding]:
    asked = [ConfigResource(ConfigResourceType.BROKER, str(node)) for node in brokers[:_BROKERS_ASKED]]
    try:
        told = await _settings(admin, asked)
    except (KafkaError, NotImplementedError, ValueError) as exc:
        return [_not_told("the brokers' settings", exc, _OF_BROKERS, "--operation DescribeConfigs --cluster")]
    return broker_findings(told, len(brokers), topic_exists=topic_exists)


async def _settings(admin: Any, resources: list[ConfigResource]) -> list[Settings]:
    """Return those of each resource. Errors: KafkaError, also when we may not see them; ValueError: it tells none."""
    answers = await admin.describe_configs(resources)
    told = [_of_resource(resource) for answer in answers for resource in answer.resources]
    if not any(told):
        raise ValueError("no settings in the answer")
    return told


def _of_resource(resource: tuple[Any, ...]) -> Settings:
    code, _message, _kind, _name, entries = resource
    if code:
        raise for_code(code)()
    return _values(entries)


def _values(entries: Iterable[tuple[Any, ...]]) -> Settings:
    return {name: value for name, value, *_ in entries}


_OF_TOPIC = "cleanup.policy=delete, retention.ms and retention.bytes, min.insync.replicas, max.message.bytes"
_OF_BROKERS = "auto.create.topics.enable=false, group.min.session.timeout.ms=6000"


def _not_told(what: str, error: BaseException, by_hand: str, acl: str) -> Finding:
    refused = kafka_refusal(error) is not None
    mend = f"kafka-acls --add --allow-principal User:NAME {acl}" if refused else f"see by hand: {by_hand}"
    return Finding(PART, "warn", f"it does not tell {what}: not known whether they are safe", mend)
