"""Reaching the broker the one way all services use it: options, the cluster's id, the topic. Asyncio side."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from schema.runtime.handshake import handshake_error
from schema.runtime.kafka_login import login_error
from schema.runtime.outage import Refused
from schema.runtime.settings import KafkaSettings
from schema.runtime.topic_id import topic_id
from schema.topic import PARTITIONS, Log

T = TypeVar("T")

ANSWER_WITHIN_MS = 4000
"""Time for the broker to say what it is. aiokafka itself must give up: cut from outside it leaves a connection."""
_END_WITHIN_S = 1.0
_LOOK_AGAIN_S = 0.02


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


class TopicRefused(KafkaError, Refused):  # type: ignore[misc]  # aiokafka has no types
    """The topic is missing, or hidden from us, and the broker does not let us make it."""

    def __init__(self, settings: KafkaSettings, why: str) -> None:
        topic, server = settings.kafka_topic, settings.kafka_bootstrap_servers.split(",")[0].strip()
        self.reason = (
            f"it shows this login no topic {topic}, and lets it make none ({why}): let somebody who may make it with "
            f"{PARTITIONS} partitions, as with kafka-topics.sh --bootstrap-server {server} --create --topic {topic} "
            f"--partitions {PARTITIONS}, and give this login READ, WRITE and DESCRIBE on it"
        )
        super().__init__(self.reason)


async def prepare_topic(settings: KafkaSettings) -> Log:
    """Make the log topic when it is missing; return which life of it this is. Every client starts with this.

    Raises:
        TopicRefused: it is missing and may not be made.
        aiokafka.errors.KafkaError: with the trouble of TLS or of our login for its cause, where there is one.
    """
    return await _ask(settings, _prepare)


async def look_at_topic(settings: KafkaSettings) -> Log | None:
    """Return which life of the log topic this is; None when there is no topic.

    Raises:
        aiokafka.errors.KafkaError: as `prepare_topic`.
    """
    return await _ask(settings, _look)


async def _ask(settings: KafkaSettings, question: Callable[[Any, KafkaSettings], Coroutine[Any, Any, T]]) -> T:
    try:
        return await uncut(_connect_and_ask(settings, question))
    except KafkaConnectionError as exc:
        raise exc from await bootstrap_trouble(settings)


async def _connect_and_ask(
    settings: KafkaSettings, question: Callable[[Any, KafkaSettings], Coroutine[Any, Any, T]]
) -> T:
    admin = AIOKafkaAdminClient(**connection_options(settings), request_timeout_ms=ANSWER_WITHIN_MS)
    try:
        await admin.start()
        return await question(admin, settings)
    finally:
        await admin.close()  # noqa: ASYNC102 - asyncio side, where a cancellation is delivered once


async def _prepare(admin: Any, settings: KafkaSettings) -> Log:
    found = await _look(admin, settings)
    if found is None:
        await _make_topic(admin, settings)
        async with asyncio.timeout(ANSWER_WITHIN_MS / 1000):  # a cluster's other brokers hear of it a little later
            while (found := await _look(admin, settings)) is None:  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(_LOOK_AGAIN_S)
    return found


async def _look(admin: Any, settings: KafkaSettings) -> Log | None:
    cluster_id, found = await _find(admin, settings)
    return None if found is None else Log(cluster_id, settings.kafka_topic, found)


async def _find(admin: Any, settings: KafkaSettings) -> tuple[str, str | None]:
    """Return the cluster's id and the topic's: empty where the broker tells none, None where there is no topic."""
    try:
        return await topic_id(admin, settings.kafka_topic)
    except TopicAuthorizationFailedError as exc:
        raise TopicRefused(settings, type(exc).__name__) from exc
    except NotImplementedError:
        topics = await admin.list_topics()
        return str((await admin.describe_cluster())["cluster_id"]), "" if settings.kafka_topic in topics else None


async def _make_topic(admin: Any, settings: KafkaSettings) -> None:
    topic = NewTopic(settings.kafka_topic, num_partitions=PARTITIONS, replication_factor=1)
    topic.replication_factor = -1  # the broker's default, which aiokafka's constructor refuses
    answer = await admin.create_topics([topic])
    for _name, code, *said in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            error = for_code(code)
            why = ": ".join([error.__name__, *(text for text in said if text)])
            raise error(why) if error.retriable else TopicRefused(settings, why)
