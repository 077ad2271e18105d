"""Events into the topic, in a batch for each partition: aiokafka spends more on single messages than on all else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner

_partitioner = DefaultPartitioner()


async def produce(producer: Any, topic: str, events: Iterable[tuple[bytes, bytes]]) -> list[tuple[int, int]]:
    """Produce events (key, value); return where each stands (partition, offset), once all are acknowledged.

    Raises:
        KafkaError: some may have arrived.
    """
    partitions = tuple(sorted(await producer.partitions_for(topic)))
    batches: list[tuple[int, Any]] = []
    open_batches: dict[int, int] = {}
    places = []
    for key, value in events:
        partition = _partition_of(key, partitions)
        number = open_batches.get(partition)
        if number is None or batches[number][1].append(key=key, value=value, timestamp=None) is None:
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
            number = open_batches[partition] = len(batches)
            batches.append((partition, batch))
        places.append((number, batches[number][1].record_count() - 1))
    futures = [await producer.send_batch(batch, topic, partition=partition) for partition, batch in batches]
    firsts = await asyncio.gather(*futures)
    if any(first.offset < 0 for first in firsts):  # a repeat that the broker knows, and not where it stands
        raise KafkaError("the broker does not say where events stand")
    return [(firsts[number].partition, firsts[number].offset + index) for number, index in places]


@lru_cache(maxsize=10_000)
def _partition_of(key: bytes, partitions: tuple[int, ...]) -> int:
    """Return what every Kafka client makes of this key: an event's partition is that of its page."""
    return int(_partitioner(key, partitions, partitions))
