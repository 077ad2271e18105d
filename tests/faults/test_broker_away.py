"""The broker is away: sending goes on up to the outbox's bound, and later every event is in the log, once."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trio
from aiokafka import AIOKafkaConsumer, TopicPartition

from schema.event import SCHEMA_VERSION, LogEvent, encode_event
from schema.keys import key
from schema.outcomes import Outcome
from schema.runtime.asyncio_door import aio
from schema.topic import PARTITIONS
from tests.faults.report import report
from tests.faults.stage import Stage, log_lines, open_stage
from tests.kafka.broker import KafkaBroker
from tests.patience import patience_s

OUTAGE_S = 6.0
"""Long enough to count log lines."""
RECIPIENTS = 2000


@pytest.fixture
def broker(kafka_broker: KafkaBroker) -> Iterator[KafkaBroker]:
    """Apache Kafka; it runs again at the end."""
    yield kafka_broker
    kafka_broker.start()


@pytest.fixture
async def stage(
    asyncio_loop: Any, redis_url: str, log_database_url: str, broker: KafkaBroker, tmp_path: Path
) -> AsyncIterator[Stage]:
    addresses = {"redis_url": redis_url, "log_database_url": log_database_url}
    async with open_stage(tmp_path, kafka_bootstrap_servers=broker.bootstrap, **addresses) as stage:
        yield stage


async def until_claiming_stops(stage: Stage) -> int:
    """Wait until the outbox is full and nothing is in flight; return how many events wait."""
    limit = stage.settings["outbox_limit"]
    await stage.until(lambda: stage.outbox() >= limit and stage.held() == 0, "a full outbox")
    return stage.outbox()


async def start_again(broker: KafkaBroker) -> float:
    await trio.to_thread.run_sync(broker.start)
    return trio.current_time()


async def in_topic(stage: Stage) -> int:
    """Return how many events the broker has. Asyncio."""
    topic = stage.settings["kafka_topic"]
    async with AIOKafkaConsumer(bootstrap_servers=stage.settings["kafka_bootstrap_servers"]) as consumer:
        ends = await consumer.end_offsets([TopicPartition(topic, n) for n in range(PARTITIONS)])
    return sum(ends.values())


async def test_events_wait_in_a_bounded_outbox_while_the_broker_is_away(stage: Stage, broker: KafkaBroker) -> None:
    sender, ingest = await stage.in_full_swing("r", RECIPIENTS)
    written = {process: len(log_lines(process)) for process in (sender, ingest)}
    broker.kill()
    killed_at, ended = trio.current_time(), sum(stage.outcomes("r").values())
    waiting = await until_claiming_stops(stage)
    stopped_at = sum(stage.outcomes("r").values())
    assert stage.settings["outbox_limit"] <= waiting <= stage.settings["outbox_limit"] + 2 * 20
    assert stopped_at > ended
    await trio.sleep(OUTAGE_S)
    assert stage.outbox() == waiting
    assert sum(stage.outcomes("r").values()) == stopped_at < RECIPIENTS
    away_s = trio.current_time() - killed_at
    for process, before in written.items():
        lines = log_lines(process, before)
        assert len(lines) <= away_s, f"{len(lines)} lines in {away_s:.1f} s, first {lines[:3]}"
    back_at = await start_again(broker)
    await stage.until(lambda: stage.outbox() < waiting, "the outbox going down")
    relayed_at = trio.current_time()
    await stage.complete("r", RECIPIENTS)
    report("broker killed", relay_s=relayed_at - back_at, rows_s=trio.current_time() - back_at, waiting=waiting)


async def test_another_process_relays_what_a_killed_one_left(stage: Stage, broker: KafkaBroker) -> None:
    sender, _ = await stage.in_full_swing("r", RECIPIENTS)
    broker.kill()
    await until_claiming_stops(stage)
    sender.kill()
    back_at = await start_again(broker)
    stage.start("sender")
    await stage.complete("r", RECIPIENTS)
    report("broker and sender killed", rows_s=trio.current_time() - back_at)


async def test_a_sender_stopped_while_the_broker_is_away_leaves_its_events_to_another(
    stage: Stage, broker: KafkaBroker
) -> None:
    sender, _ = await stage.in_full_swing("r", RECIPIENTS)
    broker.kill()
    await until_claiming_stops(stage)
    sender.signal(signal.SIGTERM)
    assert await trio.to_thread.run_sync(sender.wait) == 0
    sender.kill()
    waiting = stage.outbox()
    assert waiting >= stage.settings["outbox_limit"]
    back_at = await start_again(broker)
    stage.start("sender")
    await stage.complete("r", RECIPIENTS)
    report("broker killed, sender stopped", rows_s=trio.current_time() - back_at, waiting=waiting)


async def test_a_broker_that_comes_back_empty_gets_again_what_is_no_row(stage: Stage, broker: KafkaBroker) -> None:
    """Under OUTBOX_TRIM=committed what the former broker had acknowledged is still in the outbox."""
    stage.settings |= {"outbox_trim": "committed", "outbox_limit": 100_000}
    _, ingest = await stage.in_full_swing("r", RECIPIENTS)
    ingest.kill()
    before = stage.outbox()
    await stage.until(lambda: stage.outbox() > before + 200, "events that are no rows")
    await stage.graph(pause=True)  # nothing is produced now, so nothing tells the sender that its broker is away
    with trio.fail_after(patience_s()):
        while await aio(in_topic, stage) != sum(stage.outcomes("r").values()):
            await trio.sleep(0.1)
    await trio.to_thread.run_sync(broker.lose_everything)
    back_at = await start_again(broker)
    ingest = stage.start("ingest")
    await stage.until(lambda: "partitions_assigned" in ingest.output(), "an ingest at work")
    await stage.graph(pause=False)
    await stage.complete("r", RECIPIENTS)
    await stage.until(lambda: stage.outbox() == 0, "an empty outbox")
    report("broker emptied", rows_s=trio.current_time() - back_at)


async def test_a_broker_restarted_in_mid_run_loses_and_doubles_nothing(stage: Stage, broker: KafkaBroker) -> None:
    stage.settings["outbox_limit"] = 100_000
    await stage.in_full_swing("r", RECIPIENTS)
    broker.kill()
    back_at = await start_again(broker)
    await stage.complete("r", RECIPIENTS)
    report("broker restarted", rows_s=trio.current_time() - back_at)


async def test_a_broker_that_hangs_is_survived(stage: Stage, broker: KafkaBroker) -> None:
    await stage.in_full_swing("r", RECIPIENTS)
    broker.signal(signal.SIGSTOP)
    try:
        await until_claiming_stops(stage)
        await trio.sleep(OUTAGE_S)
    finally:
        broker.signal(signal.SIGCONT)
    back_at = trio.current_time()
    await stage.complete("r", RECIPIENTS)
    report("broker stopped and continued", rows_s=trio.current_time() - back_at)


async def test_an_event_of_yesterday_is_dated_by_its_mark(stage: Stage) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    event = LogEvent(
        event_id=uuid4(),
        run_id="old",
        page_id="100",
        recipient_id="1",
        attempt=1,
        outcome=Outcome.SENT,
        sent_at=yesterday,
        sender_id="gone",
        schema_version=SCHEMA_VERSION,
    )
    stage.redis.sadd(key("outboxes"), "gone")
    stage.redis.xadd(key("outbox:gone"), {"k": "100", "v": encode_event(event)})
    stage.start("sender")
    stage.start("ingest")
    await stage.until(lambda: stage.rows() == 1, "its row")
    rows = stage.fetch("SELECT event_id, sent_at, tableoid::regclass::text FROM message_logs")
    assert rows == [(event.event_id, yesterday, f"message_logs_{yesterday:%Y%m%d}")]
    await stage.until(lambda: stage.redis.exists(key("outbox:gone")) == 0, "the end of its outbox")
