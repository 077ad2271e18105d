"""Which part of the topic is to be read again: from a moment or an offset, to another or to the end. Asyncio code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer

from schema.runtime.kafka import connection_options, uncut
from schema.runtime.settings import KafkaSettings

_ANSWER_WITHIN_S = 30.0


class Where(msgspec.Struct, frozen=True):
    """A place in the topic: one of the two."""

    at: datetime | None = None
    """When messages came into it."""
    offset: int | None = None
    """Of each partition."""


class NothingThere(Exception):
    """The topic has no such part; the text says what it has."""


class Stretch(msgspec.Struct, frozen=True):
    """Offsets of a partition: from `first` on, and before `end`."""

    first: int
    end: int
    forgotten: int = 0
    """Offsets that were asked for and that the broker no longer has."""


async def find_stretches(
    settings: KafkaSettings, start: Where, stop: Where | None, partition: int | None
) -> dict[int, Stretch]:
    """Return partition -> what to read of it; partitions without anything to read are missing.

    Raises:
        NothingThere: the topic does not have the partition.
        aiokafka.errors.KafkaError: the broker is away or refuses.
        TimeoutError: it does not answer.
    """
    topic = settings.kafka_topic
    async with asyncio.timeout(_ANSWER_WITHIN_S), _open_at_ends(settings) as consumer:
        there = sorted(consumer.assignment())  # all of them: it is in no group
        partitions = [tp for tp in there if partition in (None, tp.partition)]
        if not partitions:
            has = ", ".join(str(tp.partition) for tp in there)
            raise NothingThere(f"topic {topic} has no partition {partition}: it has {has}")
        ends = await _ends(consumer, partitions)
        begins: dict[Any, int] = await consumer.beginning_offsets(partitions)
        firsts = await _offsets(consumer, partitions, start, ends)
        stops = ends if stop is None else await _offsets(consumer, partitions, stop, ends)
    found = {}
    for tp in partitions:
        first, end = max(firsts[tp], begins[tp]), min(stops[tp], ends[tp])
        forgotten = max(0, min(begins[tp], end) - firsts[tp]) if start.offset is not None else 0
        if first < end or forgotten:
            found[tp.partition] = Stretch(min(first, end), end, forgotten)
    return found


@asynccontextmanager
async def _open_at_ends(settings: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        settings.kafka_topic,
        **connection_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="latest",
        fetch_max_wait_ms=50,  # there is nothing to wait for
    )
    try:
        await uncut(consumer.start())
        yield consumer
    finally:
        await consumer.stop()  # noqa: ASYNC102 - asyncio side, where a cancellation is delivered once


async def _ends(consumer: AIOKafkaConsumer, partitions: Sequence[Any]) -> dict[Any, int]:
    """As fetches tell: the embedded broker's answer to the direct question leaves out most of the last batch."""
    while any(consumer.highwater(tp) is None for tp in partitions):
        await consumer.getmany(timeout_ms=200)
    return {tp: consumer.highwater(tp) for tp in partitions}


async def _offsets(
    consumer: AIOKafkaConsumer, partitions: Sequence[Any], where: Where, ends: dict[Any, int]
) -> dict[Any, int]:
    """Return the offset of each partition from that moment on; its end, where nothing is as young."""
    if where.at is None:
        return dict.fromkeys(partitions, where.offset or 0)
    found = await consumer.offsets_for_times(dict.fromkeys(partitions, max(0, int(where.at.timestamp() * 1000))))
    # "Nothing" is no answer from Apache Kafka, and the moment -1 from the embedded broker.
    return {tp: ends[tp] if at is None or at.timestamp < 0 else at.offset for tp, at in found.items()}
