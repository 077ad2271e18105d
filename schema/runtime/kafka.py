"""Reaching the broker the one way all services use it: options, the cluster's id, the topic. Asyncio side."""

from __future__ import annotations

import logging
import ssl
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from schema.runtime.settings import KafkaSettings
from schema.topic import PARTITIONS


def connection_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return the keyword arguments with which every aiokafka client is made."""
    # An outage is for the services to report, once: aiokafka says forty lines a second.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    if "SSL" in settings.kafka_security_protocol:
        options["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
    if settings.kafka_security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        password = settings.kafka_sasl_password
        options["sasl_plain_password"] = password.get_secret_value() if password else None
    return options


async def prepare_topic(settings: KafkaSettings) -> str:
    """Make the log topic when it is missing; return the broker's cluster id. Errors: aiokafka.errors.KafkaError."""
    admin = AIOKafkaAdminClient(**connection_options(settings))
    try:
        await admin.start()
        if settings.kafka_topic not in await admin.list_topics():
            topic = NewTopic(settings.kafka_topic, num_partitions=PARTITIONS, replication_factor=1)
            topic.replication_factor = -1  # the broker's default, which aiokafka's constructor refuses
            answer = await admin.create_topics([topic])
            for _name, code, *_ in answer.topic_errors:
                if code not in (0, TopicAlreadyExistsError.errno):
                    raise for_code(code)(f"the topic {settings.kafka_topic} cannot be made")
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()  # noqa: ASYNC102 - asyncio side, where a cancellation is delivered once
