"""A writer that has begun two partitions, and settings of an ingest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ingest.settings import IngestSettings
from ingest.writing.writer import Writer
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from tests.integration.ingest.events import LOG
from tests.integration.ingest.service import settings_for


@pytest.fixture
async def writer(asyncio_loop: Any, log_database_url: str) -> AsyncIterator[Writer]:
    made = Writer(log_database_url, keep_days=7)
    await aio(made.begin, LOG, {0: 0, 1: 0})
    yield made
    await aio(made.close)


@pytest.fixture
async def strict_writer(asyncio_loop: Any, log_database_url: str) -> AsyncIterator[Writer]:
    """One that stops when more than one event in twenty is refused."""
    made = Writer(log_database_url, keep_days=7, stop_share=0.05)
    await aio(made.begin, LOG, {0: 0})
    yield made
    await aio(made.close)


@pytest.fixture
async def settings(asyncio_loop: Any, log_database_url: str, redis_url: str, kafka_bootstrap: str) -> IngestSettings:
    """Settings with a topic of its own that exists."""
    made = settings_for(log_database_url, redis_url, kafka_bootstrap)
    await aio(prepare_topic, made)
    return made
