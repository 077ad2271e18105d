"""`newar bench ingest --steady`: from an event's moment to its committed row, while events keep coming."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any
from uuid import uuid4

import psycopg
import trio
from aiokafka import AIOKafkaProducer

from ops.bench.ingest import connected, far_away, new_log
from ops.bench.log_events import make_event
from ops.bench.percentiles import Percentiles
from ops.bench.stage import open_service, open_stage
from schema.event import encode_event
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from schema.runtime.settings import KafkaSettings

_TICK_S = 0.02
"""Events are produced in groups, and the log is looked at, so often."""
_PAGES = 100
_SETTLED_S = 3.0
"""Not counted: the ingest has just begun."""


@dataclass(frozen=True, kw_only=True)
class SteadyOptions:
    """How many events, for how long."""

    rate: int
    """Events a second."""
    seconds: float = 30.0
    delay_ms: float = 0.1
    failures: float = 0.03
    durable: bool = True


@dataclass(frozen=True, kw_only=True)
class SteadyFigures:
    """What was seen."""

    events_per_s: float
    to_row: Percentiles
    """From an event's moment until its row could be read; known to 20 ms."""


async def bench_steady(options: SteadyOptions) -> SteadyFigures:
    """Return the figures. Runs inside the asyncio loop's block."""
    with tempfile.TemporaryDirectory(prefix="newar-bench-") as folder:
        async with open_stage(Path(folder), durable=options.durable) as stage:
            now = datetime.now(UTC)
            async with new_log(stage, (now, now)) as url, far_away(url, options.delay_ms) as far:
                topic = f"bench-{uuid4().hex}"
                await aio(
                    prepare_topic, KafkaSettings(kafka_bootstrap_servers=stage.kafka_bootstrap, kafka_topic=topic)
                )
                async with connected(url) as connection, open_service(
                    stage, "ingest", log_database_url=far, kafka_topic=topic, log_partitions_ahead=1
                ):  # fmt: skip
                    return await _measure(options, stage.kafka_bootstrap, topic, connection)


async def _measure(
    options: SteadyOptions, bootstrap: str, topic: str, connection: psycopg.AsyncConnection[Any]
) -> SteadyFigures:
    watch = _Watch()
    producer = await aio(_producer, bootstrap)
    chance, number = Random(0), 0  # noqa: S311 - repeatable, no secret
    try:
        while not await aio(watch.look, connection):  # until the ingest has its partitions
            await trio.sleep(_TICK_S)
        began = monotonic()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch.keep, connection)
            while (elapsed_s := monotonic() - began) < options.seconds:
                due = int(elapsed_s * options.rate) - number
                events = [
                    make_event(
                        chance, number + n, page=chance.randrange(_PAGES), failed=chance.random() < options.failures,
                        at=datetime.now(UTC),
                    )
                    for n in range(due)
                ]  # fmt: skip
                number += due
                await aio(watch.produce, producer, topic, [(e.page_id.encode(), encode_event(e)) for e in events])
                await trio.sleep(_TICK_S)
            while watch.waiting:
                await trio.sleep(_TICK_S)
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await aio(producer.stop)
    late = [took_s for made_s, took_s in watch.seen if made_s > began + _SETTLED_S]
    return SteadyFigures(events_per_s=round(number / options.seconds, 1), to_row=Percentiles.of(late))


async def _producer(bootstrap: str) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    return producer


class _Watch:
    """Events on their way: where each stands in the topic, and when it was made."""

    def __init__(self) -> None:
        self.waiting: dict[int, list[tuple[int, float]]] = {}
        """Partition -> offsets and moments of events that are no rows yet."""
        self.seen: list[tuple[float, float]] = []
        """Moment (s of the steady clock) and seconds to the row."""

    async def produce(self, producer: Any, topic: str, events: list[tuple[bytes, bytes]]) -> None:
        made_s = monotonic()
        for future in [await producer.send(topic, value, key=key) for key, value in events]:
            place = await future
            self.waiting.setdefault(place.partition, []).append((place.offset, made_s))

    async def look(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        """See how far the log is; False: nowhere yet."""
        answer = await connection.execute("SELECT partition, next_offset FROM ingest_offsets")
        ends: dict[int, int] = dict(await answer.fetchall())
        now_s = monotonic()
        for partition, end in ends.items():
            waiting = self.waiting.get(partition, [])
            self.seen += [(made_s, now_s - made_s) for offset, made_s in waiting if offset < end]
            self.waiting[partition] = [one for one in waiting if one[0] >= end]
        self.waiting = {partition: left for partition, left in self.waiting.items() if left}
        return bool(ends)

    async def keep(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            await aio(self.look, connection)
            await trio.sleep(_TICK_S)
