"""How long the broker keeps what is in the log topic. Asyncio side."""

from __future__ import annotations

import re
from datetime import timedelta

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from schema.runtime.kafka import ANSWER_WITHIN_MS, connection_options, uncut
from schema.runtime.settings import KafkaSettings

LONGEST_MS = 100 * 365 * 86_400_000
"""Longer is never."""


async def topic_forgets_after(settings: KafkaSettings) -> timedelta | None:
    """Return after what time a message is surely gone from the topic; None: never, or the broker does not tell.

    A message goes with its segment, which is closed `segment.ms` after it was begun, and kept for `retention.ms` more;
    the broker looks every few minutes (https://kafka.apache.org/documentation/#topicconfigs).

    Raises:
        aiokafka.errors.KafkaError: the broker is away.
    """
    admin = AIOKafkaAdminClient(**connection_options(settings), request_timeout_ms=ANSWER_WITHIN_MS)
    try:
        await uncut(admin.start())
        return await _ask(admin, settings.kafka_topic)
    finally:
        await admin.close()  # noqa: ASYNC102 - asyncio side, where a cancellation is delivered once


async def _ask(admin: AIOKafkaAdminClient, topic: str) -> timedelta | None:
    try:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    except KafkaError:
        return None
    values = {entry[0]: entry[1] for answer in answers for resource in answer.resources for entry in resource[4]}
    return forgets_after(values.get("retention.ms"), values.get("segment.ms"), values.get("cleanup.policy"))


def forgets_after(retention_ms: str | None, segment_ms: str | None, policy: str | None) -> timedelta | None:
    """Return the time that these settings of a topic mean; None: never, or they do not say. Pure."""
    if policy is not None and "delete" not in policy:
        return None
    if not all(text is not None and re.fullmatch("[0-9]{1,19}", text) for text in (retention_ms, segment_ms)):
        return None
    kept_ms = int(retention_ms or 0) + int(segment_ms or 0)
    return None if kept_ms > LONGEST_MS else timedelta(milliseconds=kept_ms, days=1)
