"""A Postgres that takes connections and bytes, and answers nothing: what stops something is done and answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
import trio
from redis import Redis

from ops.access.caller import Role
from ops.access.users import Users
from ops.message_log.kept_connections import KeptConnections
from schema.keys import key
from tests.integration.api.serving import Api
from tests.patience import slowness
from tests.unit.api.contents import write_run

FELL_SILENT_S = 8.0
"""Waiting for all that psycopg and the acts would wait for takes more than twice as long."""


@asynccontextmanager
async def before(url: str) -> AsyncIterator[tuple[str, trio.Event]]:
    """Stand before a database; once the event is set, nothing more comes from it."""
    silent, parts = trio.Event(), urlsplit(url)

    async def pump(source: trio.SocketStream, target: trio.SocketStream, scope: trio.CancelScope) -> None:
        async for some in source:
            if silent.is_set():
                await trio.sleep_forever()
            await target.send_all(some)
        scope.cancel()

    async def talk(client: trio.SocketStream) -> None:
        server = await trio.open_tcp_stream(parts.hostname or "", parts.port or 0)
        async with server, trio.open_nursery() as both:
            both.start_soon(pump, client, server, both.cancel_scope)
            both.start_soon(pump, server, client, both.cancel_scope)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, talk, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        yield parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl(), silent
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("path", "is_noted"),
    [
        ("/api/v1/runs/a/pause", True),
        ("/api/v1/runs/a/resume", False),
        ("/api/v1/runs/a/cancel", False),
        ("/api/v1/pages/7/pause", True),
        ("/api/v1/pause", True),
    ],
)
async def test_what_redis_has_done_is_answered(
    redis: Redis, users: Users, closed_api: Callable[..., Api], log_database_url: str, path: str, is_noted: bool
) -> None:
    write_run(redis, "a", page="7", left=5, **{"hold:operator": "1"} if "resume" in path else {})
    headers = {"Authorization": f"Bearer {await users.add_key('crm', Role.OPERATOR, None, 'me@here')}"}
    async with before(log_database_url) as (url, silent), closed_api(log_database_url=url) as client:
        assert (await client.get("/api/v1/runs/a", headers=headers)).status_code == 200
        silent.set()
        began = trio.current_time()
        answer = await client.post(path, headers=headers)
        assert answer.status_code == 200, answer.text
        assert trio.current_time() - began < FELL_SILENT_S * slowness()
        assert redis.xlen(key("audit")) == 1
        assert ("not noted in the log database" in answer.text) is not is_noted


async def test_a_question_that_takes_too_long_is_left_at_once(log_database_url: str, asyncio_loop: Any) -> None:
    async with before(log_database_url) as (url, silent):
        connections = KeptConnections(url)
        await connections.ask("SELECT 1")
        silent.set()
        began = trio.current_time()
        with trio.move_on_after(0.1):
            await connections.ask("SELECT 1")
        assert trio.current_time() - began < 4 * slowness()
        await connections.close()
