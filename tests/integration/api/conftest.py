"""The fixtures: `api` opens a client of an API, `redis` is what it reads, `closed_port` where nobody answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from ops.access.access_database import AccessDatabase
from ops.access.caller import Role
from ops.access.passwords import Passwords
from ops.access.users import Users
from tests.integration.api.browsing import PASSWORD
from tests.integration.api.serving import EVERYWHERE, Api, open_api
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
def closed_api(api: Callable[..., Api], log_database_url: str) -> Callable[..., Api]:
    """An API that answers nobody whom it does not know."""

    def opened(**settings: Any) -> Api:
        tokens = {"viewer_token": "the viewers token", "admin_token": "the admins token"}
        return api(**{"api_host": EVERYWHERE, "log_database_url": log_database_url, **tokens, **settings})

    return opened


@pytest.fixture
async def users(log_database_url: str, asyncio_loop: Any) -> AsyncIterator[Users]:
    """Maria, who steers, and João, who looks at one page."""
    database = AccessDatabase(log_database_url)
    opened = Users(database, Passwords())
    await opened.add("maria", PASSWORD, Role.OPERATOR, None, "test@here")
    await opened.add("joao", PASSWORD, Role.VIEWER, ["7"], "test@here")
    yield opened
    await database.close()
