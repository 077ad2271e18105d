"""What one member of the group has read and not written yet, and whether it may be believed. Asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from ingest.reading.lives import Firsts, missing
from ingest.reading.positions import Positions
from ingest.reading.read_until import ReadUntil
from ingest.reading.topic import Share
from ingest.settings import IngestSettings
from ingest.writing.batch import Batch
from ingest.writing.rows import read_message
from schema.topic import Log

log = structlog.get_logger()

LONGEST_READ_S = 0.25
"""A soft stop and a rebalance are noticed within this."""
_READ_MOST = 250
"""Messages decoded in one go, about 10 ms: other tasks of the process must get their turn."""
_PATIENCE_S = 10.0
"""A new leader's end may lag behind for a moment; an end that stays below what was written means lost messages."""


class Member:
    """A share of the topic, the offsets that come next in it, and the batch being collected."""

    def __init__(self, settings: IngestSettings, share: Share, topic_log: Log) -> None:
        self.share = share
        self.log = topic_log
        self.batch = Batch()
        self.firsts: Firsts = {}
        """Of our partitions, as they were at the last look."""
        self.read_until = ReadUntil()
        self._positions = Positions({})
        self._had = self._positions
        """Of the last partitions that we had."""
        self._ends: dict[int, int] = {}
        self._epoch = -1
        self._size = settings.log_batch_size
        self._interval_s = settings.log_batch_interval_ms / 1000
        self._beyond_since_s: float | None = None

    @property
    def knows_its_place(self) -> bool:
        """Whether the partitions are still those that the positions were read for."""
        return self._epoch == self.share.epoch

    def behind(self, committed: Mapping[int, int]) -> int:
        """Return how many messages of our partitions are no rows yet. `committed`: partition -> next offset."""
        return Positions(committed).behind(self.share.highwaters())

    @property
    def missing(self) -> int | None:
        """Events that were in our partitions, or the last ones that we had, and were not read; None: not known."""
        return missing(self._had.next, self._ends)

    def forget(self) -> None:
        """Drop what was read and not written."""
        self._epoch = -1
        self.batch = Batch()

    def take(self, now_ms: int) -> Batch:
        """Return the batch, and collect another."""
        batch, self.batch = self.batch, Batch()
        nexts, ends = self._positions.next, self.share.highwaters()
        batch.until = self.read_until.once_written(reversed(batch.rows), nexts, ends, now_ms)
        return batch

    def begin(self, epoch: int, starts: dict[int, int]) -> bool:
        """Read on from `starts`; False when the partitions changed hands since `epoch`."""
        if epoch != self.share.epoch:
            return False
        self._positions = Positions(starts)
        self.read_until.begin(starts)
        if starts:
            self._had = self._positions
        for partition, offset in starts.items():
            self.share.seek(partition, offset)
        self._epoch = epoch
        return True

    async def read(self, now_s: float, *, hurried: bool) -> bool:
        """Take the next messages into the batch; False when there were none.

        `hurried`: the batch could be written, so it waits for more only while it is small.

        Raises:
            aiokafka.errors.KafkaError: as Share.read.
        """
        wait_s = LONGEST_READ_S
        if hurried:
            enough = len(self.batch) >= self._size
            wait_s = 0.0 if enough else min(self.batch.wait_s(now_s, self._interval_s), LONGEST_READ_S)
        found = await self.share.read(wait_s, _READ_MOST)
        await asyncio.sleep(0)  # a read that finds something at once has let nobody else run
        if not self.knows_its_place:
            return False
        for partition, end in self.share.highwaters().items():
            self._ends[partition] = max(end, self._ends.get(partition, 0))
        for partition, messages in found.items():
            self._take(partition, messages)
        return bool(found)

    def due(self, now_s: float, read_any: bool) -> bool:
        """Say whether to write: the batch is full or old enough, or large enough with nothing more at hand."""
        if not self.batch:
            return False
        enough = len(self.batch) >= self._size and not read_any
        return enough or self.batch.worth_it or self.batch.wait_s(now_s, self._interval_s) == 0

    def is_next(self, partition: int, offset: int) -> bool:
        """Whether this is where we read on."""
        return self._positions.next.get(partition) == offset

    def is_past(self, partition: int, offset: int) -> bool:
        """Whether we have passed this offset."""
        return self._positions.next.get(partition, 0) > offset

    def beyond_end(self, now_s: float) -> dict[int, str]:
        """Say of which partitions the broker's log has ended before our next offset for too long to be passing."""
        beyond = self._positions.beyond(self.share.highwaters())
        if not beyond:
            self._beyond_since_s = None
            return {}
        self._beyond_since_s = self._beyond_since_s or now_s
        if now_s < self._beyond_since_s + _PATIENCE_S:
            return {}
        return {p: f"partition {p} ends at {end}, but {n} is next" for p, (n, end) in sorted(beyond.items())}

    def _take(self, partition: int, messages: list[Any]) -> None:
        before = self._positions.next[partition]
        accepted = self._positions.accept(partition, messages)
        if accepted.gap:
            log.error("offsets_missing", partition=partition, first=accepted.gap[0], next=accepted.gap[1])
        if accepted.seek_to is not None:
            log.info("offsets_skipped", partition=partition, seek_to=accepted.seek_to)
            self.share.seek(partition, accepted.seek_to)
        if accepted.messages:
            after = self._positions.next[partition]
            read = [read_message(partition, m.offset, m.value) for m in accepted.messages]
            self.batch.add(partition, (before, after), read, asyncio.get_running_loop().time())
