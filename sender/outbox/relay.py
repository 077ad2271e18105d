"""From the outbox in Redis to the log topic: produce, wait for the acknowledgement, trim. Runs in the asyncio loop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from itertools import takewhile
from typing import Any

import msgspec
import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schema.keys import committed_key, key
from schema.runtime.kafka import prepare_topic
from schema.runtime.outage import Outage
from schema.runtime.traces import Step, Traces
from schema.topic import Log
from sender.outbox.kafka_batches import produce
from sender.outbox.producer import ACKNOWLEDGED_WITHIN_MS, open_producer
from sender.outbox.unacknowledged import Unacknowledged
from sender.queue.script_loader import Scripts
from sender.settings import SenderSettings

log = structlog.get_logger()

_GROUP = 1000
"""Events read and produced together."""
_LOOK_EVERY_S = 2.0
_PAUSE_S = 0.1
"""Between rounds that were not full: a round costs about the same for one event as for a hundred."""
_BATCH_BYTES = 256 * 1024
_PRODUCED_WITHIN_S = 1.5 * ACKNOWLEDGED_WITHIN_MS / 1000
"""An idempotent producer of aiokafka does not give up by itself, not even when the topic is gone."""
_FULL_SCAN = b"-"


class _Produced(msgspec.Struct, frozen=True):
    """Events read, produced and acknowledged together."""

    last: bytes
    """Entry id of the last one."""
    events: int
    ends: dict[int, int]
    """By partition, the offset behind the last of them."""

    def committed(self, ends: dict[int, int]) -> bool:
        """Whether all of them stand before these offsets."""
        return all(ends.get(partition, 0) >= end for partition, end in self.ends.items())


class _Outbox:
    """Where we are in one session's outbox."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.key = key(f"outbox:{session}")
        self.read_until = _FULL_SCAN
        self.produced: deque[_Produced] = deque()
        """Not trimmed yet."""

    @property
    def waiting(self) -> int:
        """How many events are produced and not trimmed."""
        return sum(produced.events for produced in self.produced)


class Relay:
    """Relays this session's outbox, and those of sessions that are gone. Safe beside others: rows are unique."""

    def __init__(
        self, settings: SenderSettings, redis: Redis, unacknowledged: Unacknowledged, traces: Traces | None = None
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._scripts = Scripts(redis)
        self._unacknowledged = unacknowledged
        self._traces = traces
        self._outage = Outage("kafka")
        self._redis_outage = Outage("redis (outbox)")
        self._mine: _Outbox | None = None
        self._orphans: dict[str, _Outbox] = {}
        self._log: Log | None = None
        self._ends: dict[int, int] = {}
        """By partition, the offset behind the last event that was acknowledged."""
        self._batch_bytes = _BATCH_BYTES

    @property
    def broker_down(self) -> bool:
        """Whether the broker's last use failed."""
        return self._outage.down

    def adopt(self, session: str) -> None:
        """Relay this session's outbox as our own; a former one becomes an orphan."""
        self._mine = _Outbox(session)

    async def run(self) -> None:
        """Relay until cancelled, through outages of broker and Redis."""
        loop = asyncio.get_running_loop()
        while not _cancelled():
            try:
                await self._relay_while_connected()
            except RedisError as exc:
                await asyncio.sleep(self._redis_outage.failed(exc, loop.time()))
            except (KafkaError, OSError) as exc:
                if isinstance(exc, MessageSizeTooLargeError):  # the topic takes less; single events always fit
                    self._batch_bytes = max(1, self._batch_bytes // 2)
                await asyncio.sleep(self._outage.failed(exc, loop.time()))

    async def until_acknowledged(self) -> None:
        """Return when every event of our own outbox is acknowledged by the broker."""
        while True:
            try:
                if self._mine is None or await self._redis.xlen(self._mine.key) == self._mine.waiting:
                    return
            except RedisError as exc:
                log.debug("stop_waits_for_redis", error=str(exc))
            await asyncio.sleep(_PAUSE_S)

    async def _relay_while_connected(self) -> None:
        loop = asyncio.get_running_loop()
        self._note_life(await prepare_topic(self._settings))
        async with open_producer(self._settings, self._batch_bytes) as producer:
            self._outage.recovered(loop.time())
            look_at = 0.0
            while not _cancelled():
                if loop.time() >= look_at:
                    await self._find_orphans()
                    await self._check_life()
                    look_at = loop.time() + _LOOK_EVERY_S
                events = [await self._relay(producer, outbox) for outbox in self._outboxes()]
                self._redis_outage.recovered(loop.time())
                if max(events, default=0) < _GROUP:
                    await asyncio.sleep(_PAUSE_S)

    async def _check_life(self) -> None:
        """See whether topic or broker were set up anew behind a producer that goes on without a word."""
        if self._settings.outbox_trim == "committed":
            self._note_life(await prepare_topic(self._settings))

    def _outboxes(self) -> list[_Outbox]:
        return [*([self._mine] if self._mine else []), *self._orphans.values()]

    def _note_life(self, now: Log) -> None:
        if self._log not in (None, now):
            log.warning("topic_is_another", was=str(self._log), now=str(now))
            self._read_anew()
        self._log = now

    def _read_anew(self) -> None:
        """Produce again what is left in the outboxes: this topic never saw what a former one acknowledged."""
        for outbox in self._outboxes():
            outbox.read_until = _FULL_SCAN
            outbox.produced.clear()
        self._ends = {}

    async def _relay(self, producer: Any, outbox: _Outbox) -> int:
        """Produce the next group of an outbox and trim what may go; return how many events it had."""
        after = outbox.read_until if outbox.read_until == _FULL_SCAN else b"(" + outbox.read_until
        entries = await self._read(outbox.key, after)
        if entries:
            began_ns = time.time_ns()
            events = [(fields[b"k"], fields[b"v"]) for _, fields in entries]
            async with asyncio.timeout(_PRODUCED_WITHIN_S):
                places = await produce(producer, self._settings.kafka_topic, events)
            for _, event in events:
                self._unacknowledged.discard(event)
            if self._traces is not None:
                relayed = ((event, *place) for (_, event), place in zip(events, places, strict=True))
                self._traces.tell_events(Step.EVENT, relayed, began_ns)
            ends = {partition: offset + 1 for partition, offset in sorted(places)}
            if any(end <= self._ends.get(partition, 0) for partition, end in ends.items()):
                log.warning("topic_is_another", detail="its offsets have gone back")
                self._read_anew()
                return len(entries)
            self._ends |= ends
            outbox.produced.append(_Produced(entries[-1][0], len(entries), ends))
            outbox.read_until = entries[-1][0]
        await self._trim(outbox)
        return len(entries)

    async def _read(self, name: str, after: bytes) -> Any:
        """Read the next group; none of it while too few replicas know of it.

        A replica that takes over without knowing it would decide anew, and the log would have both. `WAIT` speaks of
        what its connection has written: so a write goes before it.
        """
        wanted = self._scripts.replicas
        if not wanted.wanted:
            return await self._redis.xrange(name, min=after, max="+", count=_GROUP)
        calls: Any = self._redis.pipeline(transaction=False)
        calls.xrange(name, min=after, max="+", count=_GROUP)
        calls.hset(key("app"), "relay", 1)
        calls.wait(wanted.wanted, wanted.within_ms)
        entries, _, replicas = await calls.execute()
        return entries if replicas >= wanted.wanted else []

    async def _trim(self, outbox: _Outbox) -> None:
        if not outbox.produced:
            return
        if self._settings.outbox_trim == "acknowledged":
            done = list(outbox.produced)
        else:
            committed = await self._committed()
            done = list(takewhile(lambda produced: produced.committed(committed), outbox.produced))
        if done:
            await self._scripts.call("outbox/trim", outbox.session, _after(done[-1].last))
            for _ in done:  # not before: what is not trimmed is tried again
                outbox.produced.popleft()

    async def _committed(self) -> dict[int, int]:
        """Return, by partition, the offset behind the last event that is in Postgres."""
        if self._log is None:
            return {}
        fields: Any = await self._redis.hgetall(committed_key(self._log))
        return {int(partition): int(offset) for partition, offset in fields.items()}

    async def _find_orphans(self) -> None:
        """Look for outboxes whose session is gone, and forget those that are empty."""
        mine = self._mine.session if self._mine else ""
        sessions: Any = await self._redis.smembers(key("outboxes"))
        others = {s.decode() for s in sessions} - {mine}
        left = [session for session in others if await self._scripts.call("outbox/forget", session)]
        self._orphans = {session: self._orphans.get(session) or _Outbox(session) for session in left}


def _cancelled() -> bool:
    """Whether this task was asked to end. aiokafka swallows a cancellation that meets it closing a client."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _after(entry: bytes) -> bytes:
    """Return the smallest stream id behind this one."""
    ms, _, sequence = entry.partition(b"-")
    return b"%s-%d" % (ms, int(sequence) + 1)
