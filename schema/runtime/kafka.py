"""Reaching the broker the one way all services use it: options, the cluster's id, the topic. Asyncio side."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, for_code

from schema.runtime.handshake import handshake_error
from schema.runtime.kafka_login import login_error
from schema.runtime.settings import KafkaSettings
from schema.topic import PARTITIONS

T = TypeVar("T")

ANSWER_WITHIN_MS = 4000
"""Time for the broker to say what it is. aiokafka itself must give up: cut from outside it leaves a connection."""
_END_WITHIN_S = 1.0


def connection_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return the keyword arguments with which every aiokafka client is made."""
    # An outage is for the services to report, once: aiokafka says forty lines a second.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    if (context := tls_context(settings)) is not None:
        options["ssl_context"] = context
    if settings.kafka_security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        password = settings.kafka_sasl_password
        options["sasl_plain_password"] = password.get_secret_value() if password else None
    return options


def tls_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """Return what the broker's certificate is checked with; None, where we connect without TLS."""
    if "SSL" not in settings.kafka_security_protocol:
        return None
    return ssl.create_default_context(cafile=settings.kafka_ssl_cafile)


def servers_of(bootstrap: str) -> list[tuple[str, int]]:
    """Return host and port of each server in KAFKA_BOOTSTRAP_SERVERS."""
    pairs = (server.strip().rpartition(":") for server in bootstrap.split(","))
    return [(host.strip("[]"), int(port)) for host, _, port in pairs]


async def bootstrap_handshake(settings: KafkaSettings) -> Exception | None:
    """Return why TLS with a server does not come about, for `tls_trouble`: aiokafka only says "Unable to bootstrap"."""
    for host, port in servers_of(settings.kafka_bootstrap_servers):
        if (error := await handshake_error(host, port, tls_context(settings))) is not None:
            return error
    return None


async def bootstrap_trouble(settings: KafkaSettings) -> Exception | None:
    """Return what keeps us from all servers, for `tls_trouble` and `kafka_refusal`; None: they are away."""
    if (error := await bootstrap_handshake(settings)) is not None:
        return error
    return await login_error(servers_of(settings.kafka_bootstrap_servers), connection_options(settings))


async def uncut(start: Coroutine[Any, Any, T]) -> T:
    """Let a start come to its end though we are cancelled: aiokafka leaves connections open when it is cut."""
    task = asyncio.ensure_future(start)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=_END_WITHIN_S)
        if not task.cancel():
            task.exception()  # seen: nobody else will ask for it
        raise


async def prepare_topic(settings: KafkaSettings) -> str:
    """Make the log topic when it is missing; return the broker's cluster id. Every client starts with this.

    Raises:
        aiokafka.errors.KafkaError: with the trouble of TLS or of our login for its cause, where there is one.
    """
    try:
        return await uncut(_prepare_topic(settings))
    except KafkaConnectionError as exc:
        raise exc from await bootstrap_trouble(settings)


async def _prepare_topic(settings: KafkaSettings) -> str:
    admin = AIOKafkaAdminClient(**connection_options(settings), request_timeout_ms=ANSWER_WITHIN_MS)
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
