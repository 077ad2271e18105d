"""The fixture of the tests of runs: a world with a page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.runs.world import World, open_world


@pytest.fixture
async def world(asyncio_loop: object, log_database_url: str, redis_url: str) -> AsyncIterator[World]:
    async with open_world(log_database_url, redis_url) as opened:
        opened.page()
        yield opened
