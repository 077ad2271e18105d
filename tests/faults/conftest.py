"""The real servers of the integration tests, for the fault tests too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ops.fakegraph.process import open_fakegraph
from tests.faults.world import World
from tests.integration.conftest import (
    asyncio_loop,
    kafka_bootstrap,
    local_servers,
    log_database_url,
    postgres_url,
    redis_url,
)

__all__ = ["asyncio_loop", "kafka_bootstrap", "local_servers", "log_database_url", "postgres_url", "redis_url"]


@pytest.fixture
async def world(
    asyncio_loop: Any, redis_url: str, log_database_url: str, kafka_bootstrap: str, tmp_path: Path
) -> AsyncIterator[World]:
    """Real servers, a stand-in Graph API and an ingest; the test starts senders."""
    async with open_fakegraph("--latency-ms", "40") as graph_url:
        world = World(
            tmp_path,
            redis_url=redis_url,
            log_database_url=log_database_url,
            kafka_bootstrap_servers=kafka_bootstrap,
            graph_api_url=graph_url,
        )
        world.start("ingest")
        try:
            yield world
        finally:
            await world.aclose()
