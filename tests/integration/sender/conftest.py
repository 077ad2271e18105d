"""A world with a fake Graph API that answers at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ops.fakegraph.child_process import open_fakegraph
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from tests.integration.sender.world import World


@pytest.fixture
async def world(redis_url: str, kafka_bootstrap: str, asyncio_loop: Any) -> AsyncIterator[World]:
    redis = open_redis(redis_url)
    async with open_fakegraph() as graph_url:
        yield World(redis, redis_url, kafka_bootstrap, graph_url)
    await aio(redis.aclose)
