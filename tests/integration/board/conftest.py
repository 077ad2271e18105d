"""The fixtures: a client of an emptied Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis


@pytest.fixture
async def redis(redis_url: str, asyncio_loop: Any) -> AsyncIterator[Redis]:
    client = open_redis(redis_url)
    yield client
    await aio(client.aclose)
