"""The real servers of the integration tests, for the fault tests too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from schema.migrate import migrate
from schema.runtime.asyncio_door import aio
from tests.faults.servers import Restartable, open_server
from tests.faults.world import World, open_world
from tests.integration.conftest import (
    asyncio_loop,
    kafka_bootstrap,
    local_servers,
    log_database_url,
    migrated,
    postgres_url,
    redis_url,
)

__all__ = [
    "asyncio_loop",
    "kafka_bootstrap",
    "local_servers",
    "log_database_url",
    "migrated",
    "postgres_url",
    "redis_url",
]


@pytest.fixture
async def world(
    asyncio_loop: Any, redis_url: str, log_database_url: str, kafka_bootstrap: str, tmp_path: Path
) -> AsyncIterator[World]:
    """Real servers, a stand-in Graph API and an ingest; the test starts senders."""
    addresses = {"redis_url": redis_url, "log_database_url": log_database_url}
    async with open_world(tmp_path, kafka_bootstrap_servers=kafka_bootstrap, **addresses) as world:
        yield world


@pytest.fixture
async def redis_server(asyncio_loop: Any, tmp_path: Path) -> AsyncIterator[Restartable]:
    """A Redis of the test's own, with its append-only file."""
    async with open_server(tmp_path, "redis") as server:
        yield server


@pytest.fixture
async def postgres_server(asyncio_loop: Any, tmp_path: Path) -> AsyncIterator[Restartable]:
    """A PostgreSQL of the test's own, with the current schema."""
    async with open_server(tmp_path, "postgres") as server:
        await aio(migrate, server.address)
        yield server
