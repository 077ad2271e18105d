"""This member's share of the log topic: joining the group, reading, seeking. It knows no table of offsets. Asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import NoOffsetForPartitionError
from aiokafka.structs import OffsetAndMetadata

from schema.runtime.kafka import connection_options, uncut
from schema.runtime.settings import KafkaSettings
from schema.topic import CONSUMER_GROUP, PARTITIONS

log = structlog.get_logger()

_SESSION_MS = 6000
"""The least that a broker allows by default: how long a killed member's partitions wait for another."""
_PARTITION_FETCH_BYTES = 512 * 1024
"""What is fetched ahead of each partition while a batch is written: the bound of what waits in memory."""
_READ_S = 5.0
"""A read ends after this, also in the middle of a rebalance that the broker does not finish."""
_JOIN_S = 30.0
"""A rebalance that takes longer will not end (seen with the embedded broker when two members leave at once)."""
_SAY_S = 8.0
"""One that takes longer than this is said."""
_METADATA_AGE_MS = 10_000
"""Partitions that are added are noticed within this; aiokafka's own is five minutes."""
_ASK_S = 5.0
_CLOSE_S = 3.0
_NEVER_MS = 2**31 - 1


def group_of(settings: KafkaSettings) -> str:
    """Return the name of the consumer group: another topic's members are none of ours."""
    return f"{CONSUMER_GROUP}.{settings.kafka_topic}"


class Share(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """The partitions that the group gives this member. `epoch` changes when they are taken and when they are given."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.epoch = 0
        self._assigned = False
        self._topic, self._group = settings.kafka_topic, group_of(settings)
        self._unassigned_since_s = _now_s()
        self._consumer = AIOKafkaConsumer(
            **connection_options(settings),
            group_id=self._group,
            enable_auto_commit=False,  # the offsets are in Postgres, beside the rows
            auto_offset_reset="none",
            session_timeout_ms=_SESSION_MS,
            heartbeat_interval_ms=_SESSION_MS // 4,
            max_poll_interval_ms=_NEVER_MS,  # while Postgres is away nothing is read, and another member could not help
            max_partition_fetch_bytes=_PARTITION_FETCH_BYTES,
            metadata_max_age_ms=_METADATA_AGE_MS,
        )
        self._saying: asyncio.TimerHandle | None = None

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Called by aiokafka when a rebalance begins."""
        self.epoch += 1
        self._assigned = False
        self._unassigned_since_s = _now_s()
        self._say_later()

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Called by aiokafka when a rebalance has ended."""
        self.epoch += 1
        self._assigned = True
        self._say_nothing()

    @property
    def partitions(self) -> list[int]:
        """The partitions that are ours now."""
        return sorted(tp.partition for tp in self._consumer.assignment())

    async def join(self) -> None:
        """Join the group and wait for the first assignment.

        Raises:
            aiokafka.errors.KafkaError: when the broker is away or refuses us.
            TimeoutError: when the group gives us nothing.
        """
        self._consumer.subscribe([self._topic], listener=self)
        self._say_later()
        async with asyncio.timeout(_JOIN_S):
            await uncut(self._consumer.start())

    def check_assigned(self) -> bool:
        """Return whether partitions are assigned to us; between a revocation and an assignment they are not.

        Raises:
            TimeoutError: when that lasts too long: leave and join anew.
        """
        if not self._assigned and _now_s() > self._unassigned_since_s + _JOIN_S:
            raise TimeoutError("the consumer group does not finish its rebalance")
        return self._assigned

    async def leave(self) -> None:
        """Leave the group; bounded in time, whatever the broker does."""
        stopped = await _ended(self._consumer.stop())
        self._say_nothing()
        if not stopped:
            # With the broker away, aiokafka 0.14 may cancel itself in stop(), and leaves these open.
            for part in (self._consumer._fetcher, self._consumer._client):
                await _ended(part.close())

    async def read(self, wait_s: float, most: int) -> dict[int, list[Any]]:
        """Return partition -> at most `most` messages in all, waiting for up to `wait_s` for the first.

        Raises:
            aiokafka.errors.OffsetOutOfRangeError: when the broker does not have the offset sought.
            aiokafka.errors.KafkaError: when the broker refuses us for another reason.
        """
        try:
            async with asyncio.timeout(wait_s + _READ_S):
                found = await self._consumer.getmany(timeout_ms=int(wait_s * 1000), max_records=most)
        except (TimeoutError, NoOffsetForPartitionError):  # nothing; or the group knows no offset and we seek soon
            return {}
        return {tp.partition: messages for tp, messages in found.items()}

    def seek(self, partition: int, offset: int) -> None:
        """Read on from this offset; nothing when the partition is no longer ours."""
        tp = TopicPartition(self._topic, partition)
        if tp in self._consumer.assignment():
            self._consumer.seek(tp, offset)

    def highwaters(self) -> dict[int, int]:
        """Return partition -> end, as the newest fetches said; partitions not fetched yet are missing."""
        ends = {tp.partition: self._consumer.highwater(tp) for tp in self._consumer.assignment()}
        return {partition: end for partition, end in ends.items() if end is not None}

    async def beginnings(self, partitions: Iterable[int]) -> dict[int, int]:
        """Return partition -> the first offset that the broker still has."""
        found = await self._consumer.beginning_offsets([TopicPartition(self._topic, p) for p in partitions])
        return {tp.partition: offset for tp, offset in found.items()}

    async def firsts(self, partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
        """Return partition -> offset and time (ms) of the first message that the broker still has, if it has any."""
        async with asyncio.timeout(_ASK_S):
            found = await self._consumer.offsets_for_times({TopicPartition(self._topic, p): 0 for p in partitions})
        return {tp.partition: (at.offset, at.timestamp) for tp, at in found.items() if at and at.timestamp >= 0}

    def all_partitions(self) -> set[int]:
        """Return the partitions that the topic has."""
        return set(self._consumer.partitions_for_topic(self._topic) or range(PARTITIONS))

    async def commit(self, offsets: dict[int, int]) -> None:
        """Tell the group how far our partitions were read, in one try that may be cancelled.

        aiokafka's own commit tries until it is cancelled, and then leaves a task whose failure ends the process.

        Raises:
            aiokafka.errors.KafkaError: one is not ours any more, or the broker is away or refuses us.
        """
        places = {TopicPartition(self._topic, p): OffsetAndMetadata(offset, "") for p, offset in offsets.items()}
        if set(places) <= self._consumer.assignment():
            await self._consumer._coordinator._do_commit_offsets(None, places)

    def _say_later(self) -> None:
        self._say_nothing()
        self._saying = asyncio.get_running_loop().call_later(
            _SAY_S, partial(log.warning, "partitions_not_given", group=self._group, since_s=_SAY_S)
        )

    def _say_nothing(self) -> None:
        if self._saying is not None:
            self._saying.cancel()
            self._saying = None


@asynccontextmanager
async def open_share(settings: KafkaSettings) -> AsyncIterator[Share]:
    """Be a member of the group inside the block."""
    share = Share(settings)
    try:
        await share.join()
        yield share
    finally:
        await share.leave()


async def _ended(work: Coroutine[Any, Any, None]) -> bool:
    """Do this for `_CLOSE_S` at most, as a task of its own; return whether it came to its end."""
    task = asyncio.ensure_future(work)
    await asyncio.wait([task], timeout=_CLOSE_S)
    return not task.cancel() and not task.cancelled() and task.exception() is None


def _now_s() -> float:
    return asyncio.get_running_loop().time()
