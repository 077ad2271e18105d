"""The log path through everything at once: every event is a row once, and the figures are those of the rows."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import trio
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from schema.runtime.settings import KafkaSettings
from tests.faults.cutting_door import CuttingDoor, open_cutting_door
from tests.faults.numbered_events import broken_promises, events_of, numbered_events
from tests.faults.report import report
from tests.faults.servers import Restartable
from tests.guarded import Guarded
from tests.kafka.broker import KafkaBroker
from tests.patience import patience_s

ATTEMPTS = int(os.environ.get("NEWAR_LOG_EVENTS", "200000"))
SEED = int(os.environ.get("NEWAR_FAULT_SEED", "1"))
PROJECT = Path(__file__).resolve().parents[2]
TOGETHER = 2000
FAULT_EVERY_S = (0.1, 0.8)
PRODUCED_EVERY_S = 0.15
FALSE_ALARMS = ("topic_is_gone", "topic_made_again", "broker_is_another", "offsets_out_of_range", "offsets_missing")
"""There is one topic all the while, and it loses nothing."""


@pytest.fixture
def broker(kafka_broker: KafkaBroker) -> Iterator[KafkaBroker]:
    """Apache Kafka; it runs again at the end."""
    yield kafka_broker
    kafka_broker.start()


class Faults:
    """What happens to the ingests and to the servers around them."""

    def __init__(
        self, folder: Path, environment: dict[str, str], postgres: Restartable, broker: KafkaBroker, door: CuttingDoor
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._postgres = postgres
        self._broker = broker
        self._door = door
        self._chance = random.Random(SEED)  # noqa: S311 - repeatable, no secret
        self._ingests: list[Guarded] = []
        self._meanwhile: trio.Nursery
        self.done: dict[str, int] = {}

    def start_ingest(self) -> None:
        """Start one more."""
        name = f"ingest-{uuid4().hex[:6]}"
        command = [sys.executable, "-m", "ops", "ingest"]
        ours = {**os.environ, **self._environment, "PYTHONPATH": str(PROJECT)}
        set_there = ["/usr/bin/env", *(f"{k}={v}" for k, v in ours.items() if "\n" not in v)]
        self._ingests.append(Guarded([*set_there, *command], self._folder, self._folder / f"{name}.log"))

    async def go_on(self) -> None:
        """Do one thing after the other until cancelled."""
        acts: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (6, self.kill_an_ingest), (4, self.stop_one_softly), (4, self.add_one), (2, self.freeze_one),
            (6, self.cut), (2, self.restart_postgres), (2, self.restart_broker),
        ]  # fmt: skip
        async with trio.open_nursery() as self._meanwhile:
            while True:
                await trio.sleep(self._chance.uniform(*FAULT_EVERY_S))
                [(_, act)] = self._chance.choices(acts, weights=[weight for weight, _ in acts])
                self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
                await act()

    async def kill_an_ingest(self) -> None:
        """By SIGKILL; another takes its place."""
        self._ingests.pop(self._chance.randrange(len(self._ingests))).kill()
        self.start_ingest()

    async def stop_one_softly(self) -> None:
        """By SIGTERM, so that it writes what it has; another takes its place."""
        ingest = self._ingests.pop(0)
        ingest.signal(signal.SIGTERM)
        self.start_ingest()
        try:
            with trio.move_on_after(5):
                while ingest.running:
                    await trio.sleep(0.05)
        finally:
            ingest.kill()

    async def add_one(self) -> None:
        """The group shares the partitions anew; with three there is one too many."""
        self.start_ingest()
        if len(self._ingests) > 2:
            self._ingests.pop(0).kill()

    async def freeze_one(self) -> None:
        """For longer than its session in the group: it comes back and believes to have partitions."""
        ingest = self._ingests[0]
        ingest.signal(signal.SIGSTOP)

        async def wake() -> None:
            with trio.CancelScope(shield=True):
                await trio.sleep(seconds)
            if ingest.running:
                ingest.signal(signal.SIGCONT)

        seconds = self._chance.uniform(1, 8)
        self._meanwhile.start_soon(wake)

    async def cut(self) -> None:
        """Its connections to the log database, after what was sent was passed on."""
        self._door.cut()

    async def restart_postgres(self) -> None:
        """By SIGKILL."""
        self._postgres.kill()
        await trio.sleep(self._chance.uniform(0, 1))
        await self._postgres.start()

    async def restart_broker(self) -> None:
        """By SIGKILL."""
        await trio.to_thread.run_sync(self._broker.kill)
        await trio.to_thread.run_sync(self._broker.start)

    async def heal(self) -> None:
        """The servers run, and one ingest."""
        for ingest in self._ingests:
            ingest.kill()
        self._ingests.clear()
        await trio.to_thread.run_sync(self._broker.start)
        self._postgres.kill()
        await self._postgres.start()
        self.start_ingest()

    def told(self) -> list[str]:
        """Return what all ingests have logged."""
        return [line for log in self._folder.glob("ingest-*.log") for line in log.read_text().splitlines()]

    def end(self) -> None:
        """Leave nothing running."""
        for ingest in self._ingests:
            ingest.kill()


async def send(producer: Any, topic: str, group: list[tuple[bytes, bytes]]) -> None:
    """Send them and wait for all, also when one fails: an error that nobody asks for ends the loop."""
    futures: list[Any] = []
    refused: list[BaseException] = []
    for key, value in group:
        try:
            futures.append(await producer.send(topic, value, key=key))
        except KafkaError as exc:
            refused.append(exc)
            break
    for error in [*refused, *await asyncio.gather(*futures, return_exceptions=True)]:
        if isinstance(error, BaseException):
            raise error


async def produce(settings: KafkaSettings, count: int) -> int:
    """Produce all events, groups that were in doubt once more; return how many were produced twice. Asyncio."""
    events, twice = numbered_events(count, datetime.now(UTC)), 0
    group = list(islice(events, TOGETHER))
    while group:
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap_servers, acks="all", request_timeout_ms=5000
        )
        async with AsyncExitStack() as closing:
            closing.push_async_callback(producer.stop)  # its own `async with` leaves one open that could not start
            try:
                await producer.start()
                while group:
                    await send(producer, settings.kafka_topic, group)
                    group = list(islice(events, TOGETHER))
                    await asyncio.sleep(PRODUCED_EVERY_S)
            except (KafkaError, OSError):
                twice += len(group)
                await asyncio.sleep(PRODUCED_EVERY_S)  # the broker may be away for seconds
    return twice


async def test_rows_and_figures_are_those_of_the_events_whatever_happens(
    asyncio_loop: Any, redis_url: str, broker: KafkaBroker, postgres_server: Restartable, tmp_path: Path
) -> None:
    settings = KafkaSettings(kafka_bootstrap_servers=broker.bootstrap, kafka_topic=f"faults-{uuid4().hex}")
    await aio(prepare_topic, settings)
    async with open_cutting_door(postgres_server.address) as door:
        environment = {
            "LOG_DATABASE_URL": door.url,
            "REDIS_URL": redis_url,
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
            "KAFKA_TOPIC": settings.kafka_topic,
            "LOG_BATCH_INTERVAL_MS": "100",
            "LOG_PARTITIONS_AHEAD": "1",
        }
        faults = Faults(tmp_path, environment, postgres_server, broker, door)
        try:
            faults.start_ingest()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(faults.go_on)
                twice = await aio(produce, settings, ATTEMPTS)
                nursery.cancel_scope.cancel()
            await faults.heal()
            await until_written(postgres_server.address)
            report("log path", events=events_of(ATTEMPTS), produced_twice=twice, cuts=door.cuts, **faults.done)
            assert broken_promises(postgres_server.address, ATTEMPTS) == []
            told = faults.told()
            assert any("partitions_assigned" in line for line in told)
            assert [line for line in told if any(alarm in line for alarm in FALSE_ALARMS)] == []
        finally:
            faults.end()


async def until_written(url: str) -> None:
    """Wait until the rows are those of all attempts, and none is unknown any more."""
    ask = "SELECT count(*), count(*) FILTER (WHERE outcome = 'unknown') FROM message_logs"
    with trio.fail_after(patience_s() + ATTEMPTS / 5000):
        while True:
            with psycopg.connect(url, autocommit=True) as connection:
                if connection.execute(ask.encode()).fetchone() == (ATTEMPTS, 0):
                    return
            await trio.sleep(0.5)
