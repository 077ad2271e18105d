"""The log database is away: sending does not notice, and later every event is in the log, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.faults.report import report
from tests.faults.servers import Restartable
from tests.faults.stage import Stage, log_lines, open_stage
from tests.kafka.broker import KafkaBroker

OUTAGE_S = 4.0
"""Long enough to count log lines."""
RECIPIENTS = 3000


@pytest.fixture
async def stage(
    asyncio_loop: Any, redis_url: str, kafka_broker: KafkaBroker, postgres_server: Restartable, tmp_path: Path
) -> AsyncIterator[Stage]:
    addresses = {"redis_url": redis_url, "log_database_url": postgres_server.address}
    async with open_stage(tmp_path, kafka_bootstrap_servers=kafka_broker.bootstrap, **addresses) as stage:
        yield stage


async def until_more_rows(stage: Stage) -> float:
    before = stage.rows()
    return await stage.until(lambda: stage.rows() > before or stage.rows() == RECIPIENTS, "new rows")


async def test_sending_ends_while_postgres_is_away_and_all_rows_come_later(
    stage: Stage, postgres_server: Restartable
) -> None:
    sender, ingest = await stage.in_full_swing("r", RECIPIENTS)
    written = {process: len(log_lines(process)) for process in (sender, ingest)}
    postgres_server.kill()
    killed_at = trio.current_time()
    assert not stage.finished("r")
    await stage.until(lambda: stage.finished("r") and stage.outbox() == 0, "the run's end")
    await trio.sleep(OUTAGE_S)
    away_s = trio.current_time() - killed_at
    assert log_lines(sender, written[sender]) == []
    assert 0 < len(log_lines(ingest, written[ingest])) <= away_s
    await postgres_server.start()
    back_at = trio.current_time()
    await stage.complete("r", RECIPIENTS)
    report("Postgres killed", rows_s=trio.current_time() - back_at, away_s=away_s)


async def test_a_postgres_restarted_under_load_loses_and_doubles_nothing(
    stage: Stage, postgres_server: Restartable
) -> None:
    await stage.in_full_swing("r", RECIPIENTS)
    for _ in range(2):
        postgres_server.kill()
        await postgres_server.start()
        report("Postgres restarted", rows_s=await until_more_rows(stage))
    await stage.complete("r", RECIPIENTS)


async def test_an_ingest_killed_while_postgres_is_away_is_replaced_by_another(
    stage: Stage, postgres_server: Restartable
) -> None:
    _, ingest = await stage.in_full_swing("r", RECIPIENTS)
    postgres_server.kill()
    await stage.until(lambda: stage.finished("r") and stage.outbox() == 0, "the run's end")
    ingest.kill()
    stage.start("ingest")
    await postgres_server.start()
    back_at = trio.current_time()
    await stage.complete("r", RECIPIENTS)
    report("Postgres and ingest killed", rows_s=trio.current_time() - back_at)
