"""The broker: whether it answers, the log topic, and how long and how safely it keeps events."""

from __future__ import annotations

from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from ops.doctor.finding import Finding, judged
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import ANSWER_WITHIN_MS, connection_options
from schema.runtime.settings import KafkaSettings
from schema.topic import PARTITIONS

PART = "kafka"
_DAY_MS = 24 * 3600 * 1000


async def check_kafka(settings: KafkaSettings) -> list[Finding]:
    """Ask it. Errors: aiokafka.errors.KafkaError, OSError."""
    return await aio(_check, settings)


async def _check(settings: KafkaSettings) -> list[Finding]:
    admin = AIOKafkaAdminClient(**connection_options(settings), request_timeout_ms=ANSWER_WITHIN_MS)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        found = [Finding(PART, "ok", f"answers, {len(cluster['brokers'])} broker(s)")]
        if settings.kafka_topic not in await admin.list_topics():
            mend = f"nothing, if it may make topics; else make it with {PARTITIONS} partitions"
            return [*found, Finding(PART, "warn", f"the topic {settings.kafka_topic} does not exist yet", mend)]
        [topic] = await admin.describe_topics([settings.kafka_topic])
        return [*found, *topic_findings(topic, len(cluster["brokers"])), *await _retention(admin, settings.kafka_topic)]
    finally:
        await admin.close()  # noqa: ASYNC102 - asyncio code; who calls it bounds it


def topic_findings(topic: dict[str, Any], brokers: int) -> list[Finding]:
    """Judge the topic's partitions. Pure."""
    partitions = topic["partitions"]
    copies = min((len(p["replicas"]) for p in partitions), default=0)
    return [
        Finding(PART, "ok", f"the topic has {len(partitions)} partitions: as many ingests can share the work"),
        judged(
            PART,
            copies > 1 or brokers == 1,
            f"{copies} copies of each partition",
            otherwise="one copy of each partition, though there are several brokers",
            mend="raise the topic's replication factor to 3",
            status="warn",
        ),
    ]


async def _retention(admin: AIOKafkaAdminClient, topic: str) -> list[Finding]:
    try:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    except KafkaError:
        return [_RETENTION_UNKNOWN]
    values = {entry[0]: entry[1] for answer in answers for resource in answer.resources for entry in resource[4]}
    return [retention(values.get("retention.ms"))]


_RETENTION_UNKNOWN = Finding(PART, "warn", "it does not tell the topic's retention.ms", "make sure of a day or more")


def retention(value: str | None) -> Finding:
    """Judge how long events wait for an ingest or a log database that is away. Pure."""
    if value is None or not value.lstrip("-").isdigit():
        return _RETENTION_UNKNOWN
    kept_ms = int(value)
    text = "keeps events for ever" if kept_ms < 0 else f"keeps events for {kept_ms / _DAY_MS:.1f} days"
    mend = "raise retention.ms: a log database that is away for longer loses rows"
    return judged(PART, kept_ms < 0 or kept_ms >= _DAY_MS, text, otherwise=text, mend=mend, status="warn")
