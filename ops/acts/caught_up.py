"""Whether everything that was settled until now is in the log database: outboxes, topic and offsets are compared."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Any

import trio
from aiokafka import AIOKafkaConsumer
from msgspec.structs import asdict
from redis.asyncio import Redis

from ops.board.log_query import query
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import connection_options, prepare_topic
from schema.runtime.settings import KafkaSettings
from schema.text import Text
from schema.topic import Log

_LOOK_AGAIN_S = 0.2
_BROKER_WITHIN_S = 20.0
_OFFSETS = files("ops.acts").joinpath("sql", "next_offsets.sql").read_text("utf-8")


async def wait_for_rows(redis: Redis, kafka: KafkaSettings, log_url: str, *, within_s: float) -> Text | None:
    """Wait until what had been settled at the call has become rows; return None, or what was still missing at the end.

    What is settled later does not count, so that it ends under load too.

    Raises:
        redis.RedisError, aiokafka.errors.KafkaError, psycopg.Error, TimeoutError: a part is away.
    """
    missing = None
    with trio.move_on_after(within_s) as limit:
        marks = await aio(_ends_of_outboxes, redis)
        while missing := await _not_acknowledged(redis, marks):  # noqa: ASYNC110 - others' doing
            await trio.sleep(_LOOK_AGAIN_S)
        log, ends = await aio(_ends_of_topic, kafka)
        while missing := await _unwritten(log_url, log, ends):  # noqa: ASYNC110
            await trio.sleep(_LOOK_AGAIN_S)
    return (missing or Text("the broker did not answer in time")) if limit.cancelled_caught else None


async def _ends_of_outboxes(redis: Redis) -> dict[str, bytes]:
    """Return outbox -> its newest entry, of those that have any."""
    sessions: Any = await redis.smembers(key("outboxes"))
    found: dict[str, bytes] = {}
    for session in sessions:
        name = key(f"outbox:{session.decode()}")
        newest: Any = await redis.xrevrange(name, count=1)
        if newest:
            found[name] = newest[0][0]
    return found


async def _not_acknowledged(redis: Redis, marks: dict[str, bytes]) -> Text | None:
    for name, newest in marks.items():
        oldest: Any = await aio(redis.xrange, name, "-", newest, 1)
        if oldest:
            return Text("events wait in a sender's outbox: is a sender running, and the broker there?")
    return None


async def _ends_of_topic(kafka: KafkaSettings) -> tuple[Log, dict[int, int]]:
    """Return which life of the topic this is, and partition -> the offset behind its last message.

    As fetches tell: the embedded broker's answer to the direct question leaves out the last batch.
    """
    async with asyncio.timeout(_BROKER_WITHIN_S):
        log = await prepare_topic(kafka)
        consumer = AIOKafkaConsumer(
            kafka.kafka_topic, **connection_options(kafka), enable_auto_commit=False, auto_offset_reset="latest"
        )
        try:
            await consumer.start()
            partitions = consumer.assignment()  # all of them: it is in no group
            while any(consumer.highwater(tp) is None for tp in partitions):
                await consumer.getmany(timeout_ms=200)
            return log, {tp.partition: consumer.highwater(tp) for tp in partitions}
        finally:
            await consumer.stop()  # noqa: ASYNC102 - asyncio side, where a cancellation is delivered once


async def _unwritten(log_url: str, log: Log, ends: dict[int, int]) -> Text | None:
    rows = await query(log_url, _OFFSETS, asdict(log))
    written = {row["partition"]: row["next_offset"] for row in rows}
    count = sum(max(0, end - written.get(partition, 0)) for partition, end in ends.items())
    if not count:
        return None
    return Text("%(n)s events of the topic are not in the log database yet: is the ingest running?", n=count)
