"""`newar log replay`: what the log lost comes back from the topic, and nothing else changes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from ops.settings.checked import read
from schema.outcomes import Outcome
from schema.runtime.kafka import prepare_topic
from schema.runtime.settings import KafkaSettings
from tests.integration.commands.log.letters import acts, logged
from tests.integration.commands.servers import sql, until
from tests.integration.ingest.events import event, figures, recount
from tests.integration.ingest.test_suppressing import said, standing
from tests.patience import patience_s
from tests.unit.command_line import CommandLine

HOUR_MS = 3_600_000


def produce(values: Sequence[bytes | None], *, partition: int = 0, hours_ago: float = 0) -> None:
    """Put these into the topic of the environment's settings, as if at that time."""
    settings = read(KafkaSettings, env_file=None)
    at_ms = time.time_ns() // 1_000_000 - int(hours_ago * HOUR_MS)

    async def producing() -> None:
        await prepare_topic(settings)
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
        await producer.start()
        try:
            for value in values:
                await producer.send(settings.kafka_topic, value, key=b"k", partition=partition, timestamp_ms=at_ms)
            await producer.flush()
        finally:
            await producer.stop()

    asyncio.run(producing())


def forget(before: int) -> None:
    """Let the broker forget what stands before this offset of partition 0."""
    settings = read(KafkaSettings, env_file=None)

    async def forgetting() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
        await admin.start()
        try:
            await admin.delete_records({TopicPartition(settings.kafka_topic, 0): RecordsToDelete(before)})
        finally:
            await admin.close()

    asyncio.run(forgetting())


def replayed(desk: CommandLine, *options: str) -> dict[str, int]:
    """Return the counts that are not 0."""
    answer = desk("log", "replay", *options, "--json")
    assert answer.exit_code == 0, answer.stderr
    return {name: count for name, count in json.loads(answer.stdout).items() if count}


@pytest.mark.both_brokers
def test_what_the_log_lost_comes_back_once_and_offsets_stay(desk: CommandLine, log_database_url: str) -> None:
    for partition in range(3):
        produce([event(10 * partition + n) for n in range(10)], partition=partition)
    produce([b"\xff no event", None, b'{"event_id": "' + b"x" * 300_000], partition=5)
    sql(log_database_url, "INSERT INTO ingest_offsets VALUES ('c', 't', 0, 7)")
    assert replayed(desk, "--from", "0") == {"messages": 33, "rows": 30, "refused": 3}
    sql(log_database_url, "DELETE FROM message_logs WHERE recipient_id::int % 3 = 0")
    assert replayed(desk, "--from", "1h") == {"messages": 33, "rows": 10, "repeated": 20, "refused": 3}
    again = desk("log", "replay", "--from", "0").stdout
    assert "new rows" in again
    assert replayed(desk, "--from", "0") == {"messages": 33, "repeated": 30, "refused": 3}
    assert sorted(map(int, logged(log_database_url))) == list(range(30))
    assert sql(log_database_url, "SELECT count(*) FROM message_log_dead_letters") == [(3,)]
    assert sql(log_database_url, "SELECT next_offset FROM ingest_offsets") == [(7,)]
    assert figures(log_database_url)[0] == [("run-1", "sent", "", 40)]  # with the ten that were counted and then lost
    assert [what for what, _ in acts(log_database_url)] == ["log replay"] * 4


def test_what_became_of_an_attempt_after_all_corrects_its_row(desk: CommandLine, log_database_url: str) -> None:
    one, other = uuid4(), uuid4()
    now = datetime.now(UTC)
    produce([event(1, now, event_id=one, outcome=Outcome.UNKNOWN), event(2, now, event_id=other)])
    assert replayed(desk, "--from", "0") == {"messages": 2, "rows": 2}
    produce([event(1, now, event_id=one), event(2, now, event_id=other, message_id="another")])
    assert replayed(desk, "--from", "0") == {"messages": 4, "repeated": 2, "corrected": 1, "conflicting": 1}
    assert replayed(desk, "--from", "0") == {"messages": 4, "repeated": 3, "conflicting": 1}
    outcomes = sql(log_database_url, "SELECT recipient_id, outcome, message_id FROM message_logs ORDER BY 1")
    assert outcomes == [("1", "sent", "m_1"), ("2", "sent", "m_2")]
    assert figures(log_database_url) == recount(log_database_url)


def test_two_replays_at_once_write_everything_once(desk: CommandLine, log_database_url: str) -> None:
    for partition in range(4):
        produce([event(100 * partition + n, run_id=f"run-{n % 3}") for n in range(100)], partition=partition)
    command = [sys.executable, "-m", "ops.cli", "log", "replay", "--from", "0", "--json"]
    both = [subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE) for _ in range(2)]
    counts = [json.loads(process.communicate(timeout=patience_s())[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [sum(c[name] for c in counts) for name in ("rows", "repeated", "conflicting", "refused")] == [400, 400, 0, 0]
    assert len(logged(log_database_url)) == 400
    assert figures(log_database_url) == recount(log_database_url)


@pytest.mark.parametrize("kafka_bootstrap", ["kafka"], indirect=True)  # the other looks for the time of arrival
def test_only_the_part_that_was_asked_for_is_read(desk: CommandLine, log_database_url: str) -> None:
    for hours_ago in (5, 3, 1):
        produce([event(100 * hours_ago + n) for n in range(4)], hours_ago=hours_ago)
        produce([event(1000 * hours_ago + n) for n in range(4)], partition=1, hours_ago=hours_ago)
    assert replayed(desk, "--from", "4", "--to", "6", "--partition", "0") == {"messages": 2, "rows": 2}
    assert logged(log_database_url) == ["300", "301"]
    assert replayed(desk, "--from", "2h", "--partition", "1") == {"messages": 4, "rows": 4}
    assert replayed(desk, "--from", "4h", "--to", "2h") == {"messages": 8, "rows": 6, "repeated": 2}
    assert replayed(desk, "--from", "10min") == {}
    assert replayed(desk, "--from", "5000") == {}
    assert replayed(desk, "--from", "6", "--to", "6") == {}
    assert replayed(desk, "--from", "9h", "--to", "1000000") == {"messages": 24, "rows": 12, "repeated": 12}
    forget(6)
    assert replayed(desk, "--from", "2", "--partition", "0") == {"messages": 6, "repeated": 6, "forgotten": 4}
    assert replayed(desk, "--from", "2", "--to", "6", "--partition", "0") == {"forgotten": 4}
    wrong = desk("log", "replay", "--from", "0", "--partition", "77")
    assert (wrong.exit_code, "has no partition 77" in wrong.stderr) == (1, True)
    for text in ("-1", "soon", "1" * 30):
        assert desk("log", "replay", "--from", text).exit_code == 2


def test_a_replay_undoes_neither_a_lifted_suppression_nor_an_erasure(desk: CommandLine, log_database_url: str) -> None:
    erased = b'7001234567890123" x'
    produce([said(1), said(2), event(7001234567890123), erased])
    assert replayed(desk, "--from", "0") == {"messages": 4, "rows": 3, "refused": 1}
    assert [who for who, *_ in standing(log_database_url)] == ["1", "2"]
    assert desk("suppression", "remove", "7", "1").exit_code == 0
    assert desk("person", "erase", "7001234567890123", "--yes").exit_code == 0
    assert replayed(desk, "--from", "0") == {"messages": 4, "repeated": 2, "erased": 2}
    assert [who for who, *_ in standing(log_database_url)] == ["2"]
    assert logged(log_database_url) == ["1", "2"]
    assert sql(log_database_url, "SELECT count(*) FROM message_log_dead_letters") == [(0,)]


def test_one_that_is_stopped_says_what_it_did_and_leaves_nothing_half_done(
    desk: CommandLine, log_database_url: str
) -> None:
    produce([event(n) for n in range(50)])
    command: Any = [sys.executable, "-m", "ops.cli", "log", "replay", "--from", "0"]
    with psycopg.connect(log_database_url) as holding:
        holding.execute("LOCK message_logs IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        waiting = "SELECT 1 FROM pg_locks WHERE relation = 'message_logs'::regclass AND NOT granted"
        until(lambda: sql(log_database_url, waiting))
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=patience_s())
    assert (process.returncode, "stopped" in stderr, "messages read" in stdout) == (130, True, True)
    assert logged(log_database_url) == []
    assert replayed(desk, "--from", "0") == {"messages": 50, "rows": 50}
