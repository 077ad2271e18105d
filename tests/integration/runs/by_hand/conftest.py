"""The fixtures: `again` with all services, `db` with the two databases and Redis only."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from schema.runtime.asyncio_door import aio
from tests.integration.runs.by_hand.world import Again, make_partitions, open_again
from tests.integration.runs.world import World, open_world


@pytest.fixture
async def again(
    asyncio_loop: object,
    log_database_url: str,
    redis_url: str,
    kafka_bootstrap: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Again]:
    """Redis stays where it is, but for the tests with one of their own: no sender waits for it."""
    monkeypatch.setattr("ops.acts.run_recovery.NOTICED_WITHIN_S", 0.0)
    async with open_again(log_database_url, redis_url, kafka_bootstrap) as opened:
        yield opened


@pytest.fixture
async def db(asyncio_loop: object, log_database_url: str, redis_url: str) -> AsyncIterator[World]:
    await aio(make_partitions, log_database_url)
    async with open_world(log_database_url, redis_url) as opened:
        opened.page()
        yield opened
