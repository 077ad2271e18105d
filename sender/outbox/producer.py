"""The producer of events: idempotent where the broker has that, with compressed batches. Asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import BrokerResponseError, IncompatibleBrokerVersion

from schema.runtime.kafka import connection_options, uncut
from schema.runtime.settings import KafkaSettings

log = structlog.get_logger()

ACKNOWLEDGED_WITHIN_MS = 10_000
"""A broker that takes longer is taken for away: the events are produced again over new connections."""
_COMPRESSION = "snappy"
"""Half the bytes for next to no CPU, at both ends: ops/decisions/0018."""
_CLOSE_WITHIN_S = 2.0


@asynccontextmanager
async def open_producer(settings: KafkaSettings, batch_bytes: int) -> AsyncIterator[Any]:
    """Connect a producer. What the broker does not acknowledge before the block ends stays in the outbox.

    Raises:
        aiokafka.errors.KafkaError: the broker is away or refuses us.
    """
    producer = await _start(settings, batch_bytes)
    try:
        yield producer
    finally:
        await _close(producer)


async def _start(settings: KafkaSettings, batch_bytes: int) -> Any:
    try:
        return await _start_one(settings, batch_bytes, idempotent=True)
    except (BrokerResponseError, IncompatibleBrokerVersion, NotImplementedError, TimeoutError) as exc:
        # It gives out no producer ids, or not to this login. Repeats are rows once all the same: event ids are unique.
        log.debug("producer_is_not_idempotent", reason=type(exc).__name__)
        return await _start_one(settings, batch_bytes, idempotent=False)


async def _start_one(settings: KafkaSettings, batch_bytes: int, *, idempotent: bool) -> Any:
    producer = AIOKafkaProducer(
        **connection_options(settings),
        acks="all",
        request_timeout_ms=ACKNOWLEDGED_WITHIN_MS,
        linger_ms=0,
        max_batch_size=batch_bytes,
        enable_idempotence=idempotent,
        compression_type=_COMPRESSION,
    )
    try:
        async with asyncio.timeout(ACKNOWLEDGED_WITHIN_MS / 1000):
            await uncut(producer.start())
    except BaseException:
        await _close(producer)
        raise
    return producer


async def _close(producer: Any) -> None:
    try:
        async with asyncio.timeout(_CLOSE_WITHIN_S):
            await producer.stop()
    except TimeoutError:
        producer._sender._txn_manager = None  # an idempotent one would try for ever, also behind our backs
        await producer.client.close()
