"""Whoever watches a live page is not idle, and is signed out at the end of their session all the same."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import psycopg
import pytest
import trio
from redis import Redis

from ops.access.users import Users
from ops.api.door import access, event_feeds
from tests.integration.api.browsing import PASSWORD, sign_in
from tests.integration.api.serving import Api
from tests.patience import patience_s

STREAM = {"Accept": "text/event-stream"}
LIMITS = {"session_idle_ms": 60_000, "session_ms": 200_000}


class Clock:
    """The service's, which a test moves on."""

    def __init__(self) -> None:
        self.later_s = 0.0

    def time(self) -> float:
        return time.time() + self.later_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(access, "time", moved)
    monkeypatch.setattr(event_feeds, "HEARTBEAT_S", 0.05)
    return moved


async def watched_until_the_end(client: httpx.AsyncClient, then: Callable[[], None]) -> int:
    """Follow the start page; once something has come, let that happen, and read until the stream ends."""
    async with client.stream("GET", "/admin", headers=STREAM) as answer:
        if answer.status_code == 200:
            parts = answer.aiter_bytes()
            await anext(parts)
            then()
            with trio.fail_after(patience_s()):
                async for _ in parts:
                    pass
    return answer.status_code


async def test_who_watches_with_a_token_stays_until_the_hard_end(
    redis: Redis, closed_api: Callable[..., Api], clock: Clock
) -> None:
    async with closed_api(**LIMITS) as client:
        await sign_in(client, "", "the admins token")
        for _ in range(4):  # each stream ends half-way, and the browser comes again by itself
            assert await watched_until_the_end(client, lambda: setattr(clock, "later_s", clock.later_s + 40)) == 200
        assert (await client.get("/admin/runs")).status_code == 200
        clock.later_s += 45
        assert (await client.get("/admin/runs")).status_code == 401, "the hard end"


async def test_who_watches_nothing_for_long_is_signed_out(
    redis: Redis, closed_api: Callable[..., Api], clock: Clock
) -> None:
    async with closed_api(**LIMITS) as client:
        await sign_in(client, "", "the admins token")
        clock.later_s = 61
        assert (await client.get("/admin/runs")).status_code == 401


async def test_a_short_idle_time_is_noted_in_time(
    redis: Redis, users: Users, closed_api: Callable[..., Api], log_database_url: str
) -> None:
    """A stream asks for its viewer's session every ten seconds, and each question may note that they were seen."""
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        async with closed_api(**LIMITS) as client:
            await sign_in(client, "maria", PASSWORD)
            connection.execute("UPDATE sessions SET last_seen_at = now() - interval '40 s'")
            assert (await client.get("/admin/runs")).status_code == 200
        seen = connection.execute("SELECT last_seen_at > now() - interval '35 s' FROM sessions").fetchall()
    assert seen == [(True,)]
