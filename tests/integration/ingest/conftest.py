"""The fixture of the tests of the writer: one that has begun two partitions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ingest.writer import Writer
from schema.runtime.asyncio_door import aio
from tests.integration.ingest.events import LOG


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
