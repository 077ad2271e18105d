"""Reading a part of the topic again and writing what the log lacks, without the ingest's offsets. Asyncio code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from ingest.mending.erasures import Erased
from ingest.mending.stretch import Stretch
from ingest.writing.batch import Batch
from ingest.writing.rows import read_message
from ingest.writing.transaction import Written
from ingest.writing.writer import Writer
from schema.runtime.kafka import connection_options, uncut
from schema.runtime.settings import KafkaSettings
from schema.topic import Log

_READ_MOST = 1000
"""Messages decoded in one go, about 10 ms: a stop must be noticed."""
_WAIT_MS = 500
_PARTITION_FETCH_BYTES = 1024 * 1024
"""What is fetched ahead of each partition while a batch is written."""
_SILENT_S = 30.0
"""A broker that sends nothing for so long, though there is something, is away."""


class BrokerSilent(Exception):
    """The broker stopped sending what it has."""


class Replayed(msgspec.Struct):
    """What was found so far."""

    messages: int = 0
    """Read, of any kind."""
    rows: int = 0
    """Were missing in the log and are there now."""
    repeated: int = 0
    """Were there already, as they are."""
    corrected: int = 0
    """Were there, and the topic knew better how they ended."""
    conflicting: int = 0
    """Were there with another content: dead letters."""
    refused: int = 0
    """Other dead letters: no row can hold them."""
    too_old: int = 0
    """Of days that the log no longer keeps: dropped."""
    erased: int = 0
    """Of people who were removed from everywhere: dropped."""
    forgotten: int = 0
    """Offsets that were asked for and that the broker no longer has."""

    def add(self, written: Written) -> None:
        """Count a batch."""
        self.refused += written.dead_letters - written.conflicting
        for name in ("rows", "repeated", "corrected", "conflicting", "too_old"):
            setattr(self, name, getattr(self, name) + getattr(written, name))


@asynccontextmanager
async def open_reader(settings: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    """Read the topic without being a member of the group: the ingest's partitions stay where they are.

    Raises:
        aiokafka.errors.KafkaError: the broker is away or refuses.
    """
    consumer = AIOKafkaConsumer(
        **connection_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=_PARTITION_FETCH_BYTES,
    )
    try:
        await uncut(consumer.start())
        yield consumer
    finally:
        await consumer.stop()  # noqa: ASYNC102 - asyncio side, where a cancellation is delivered once


async def replay(
    consumer: AIOKafkaConsumer,
    writer: Writer,
    log: Log,
    stretches: dict[int, Stretch],
    erased: Erased,
    done: Replayed,
    tell: Callable[[Replayed], None],
) -> None:
    """Read these parts and write them; `done` counts, and `tell` hears of it after each write.

    May be stopped anywhere and repeated: what is in the log already is not written again.

    Raises:
        BrokerSilent: it stopped sending.
        NewerEvents: there are events of a schema that this program does not know.
        aiokafka.errors.KafkaError, psycopg.Error: broker or log database refuse, or are away.
    """
    done.forgotten += sum(stretch.forgotten for stretch in stretches.values())
    reading = _Reading(consumer, log, stretches, erased, done)
    while batch := await reading.next_batch():
        done.add(await writer.write_beside(log, batch))
        tell(done)


class _Reading:
    """Where we are in each partition."""

    def __init__(
        self, consumer: AIOKafkaConsumer, log: Log, stretches: dict[int, Stretch], erased: Erased, done: Replayed
    ) -> None:
        self._consumer = consumer
        self._erased = erased
        self._done = done
        there = {TopicPartition(log.topic, p): s for p, s in stretches.items() if s.first < s.end}
        self._ends = {tp: stretch.end for tp, stretch in there.items()}
        consumer.assign(list(there))
        for tp, stretch in there.items():
            consumer.seek(tp, stretch.first)

    async def next_batch(self) -> Batch:
        """Return a full batch, or what is left; an empty one at the end."""
        batch, heard_at_s = Batch(), _now_s()
        while not batch.full and (open_ones := await self._open()):
            try:
                found = await self._consumer.getmany(*open_ones, timeout_ms=_WAIT_MS, max_records=_READ_MOST)
            except OffsetOutOfRangeError as exc:
                await self._skip(exc.args[0])
                continue
            await asyncio.sleep(0)  # a read that finds something at once has let nobody else run
            if found:
                heard_at_s = _now_s()
            elif _now_s() > heard_at_s + _SILENT_S:
                raise BrokerSilent(f"the broker has sent nothing for {_SILENT_S:.0f} s; a replay may be repeated")
            for tp, messages in found.items():
                self._take(batch, tp, [m for m in messages if m.offset < self._ends[tp]])
        return batch

    async def _open(self) -> list[Any]:
        """Return the partitions that are not read to their end. Positions pass over what is no message too."""
        places = {tp: await self._consumer.position(tp) for tp in self._ends}
        for tp, offset in places.items():
            if offset >= self._ends[tp]:
                self._consumer.pause(tp)
        return [tp for tp, offset in places.items() if offset < self._ends[tp]]

    def _take(self, batch: Batch, tp: Any, messages: Sequence[Any]) -> None:
        self._done.messages += len(messages)
        kept = [m for m in messages if not self._erased.names(m.value)]
        self._done.erased += len(messages) - len(kept)
        read = [read_message(tp.partition, m.offset, m.value) for m in kept]
        if messages:
            batch.add(tp.partition, (messages[0].offset, messages[-1].offset + 1), read, 0.0)

    async def _skip(self, lost: dict[Any, int]) -> None:
        """The broker's retention has overtaken us: go on where it begins now."""
        begins = await self._consumer.beginning_offsets(list(lost))
        for tp, offset in lost.items():
            self._done.forgotten += max(0, min(begins[tp], self._ends[tp]) - offset)
            self._consumer.seek(tp, begins[tp])


def _now_s() -> float:
    return asyncio.get_running_loop().time()
