"""The fixtures: `api` opens a client of an API, `redis` is what it reads, `closed_port` where nobody answers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from tests.integration.api.serving import Api, open_api
from tests.unit.api.contents import api_settings


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def api(redis_url: str, asyncio_loop: Any) -> Callable[..., Api]:
    def opened(**settings: Any) -> Api:
        return open_api(api_settings(**{"redis_url": redis_url, "api_port": 0, **settings}))

    return opened


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken and on which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
