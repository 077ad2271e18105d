"""What somebody began is done and noted to its end, also when their browser goes away in the middle."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import httpx
import msgspec
import psycopg
import pytest
import trio
import trio.testing
from redis import Redis

from schema.keys import key
from tests.integration.api.serving import Api
from tests.patience import patience_s
from tests.unit.api.contents import write_run

PAGES = [str(7000 + number) for number in range(250)]
TOKEN = "the admins token"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


async def begin(client: httpx.AsyncClient, path: str, kind: str, body: str) -> trio.SocketStream:
    """Send a request, and wait for no answer."""
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {TOKEN}", f"Content-Type: {kind}"]
    browser = await trio.open_tcp_stream("127.0.0.1", client.base_url.port or 0)
    await browser.send_all("\r\n".join([*head, f"Content-Length: {len(body)}", "", body]).encode())
    return browser


async def until(is_so: Callable[[], bool]) -> None:
    with trio.fail_after(patience_s()):
        while not is_so():  # noqa: ASYNC110 - a server's doing
            await trio.sleep(0.01)


async def go_away(browser: trio.SocketStream) -> None:
    await browser.aclose()
    await trio.testing.wait_all_tasks_blocked(0.03)  # until that is known; psycopg looks up every 0.1 s


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/admin/act/pages/pause/chosen/sure", FORM, urlencode({"pages": "\n".join(PAGES)})),
        ("/api/v1/pages/pause", JSON, msgspec.json.encode({"pages": PAGES}).decode()),
    ],
    ids=["cockpit", "api"],
)
async def test_a_pause_stops_at_no_page_in_the_middle(
    redis: Redis, api: Callable[..., Api], path: str, kind: str, body: str
) -> None:
    for page in PAGES:
        write_run(redis, f"of {page}", page=page, left=1)
    async with api(admin_token=TOKEN) as client:
        redis.client_pause(60_000, all=False)  # writes wait
        try:
            browser = await begin(client, path, kind, body)
            await until(lambda: any("b" in one["flags"] for one in redis.client_list()))
            await go_away(browser)
        finally:
            redis.client_unpause()
        await until(lambda: redis.xlen(key("audit")) == len(PAGES))
    assert None not in [redis.hget(key(f"page:{page}"), "paused_until_ms") for page in PAGES]


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/admin/suppressions/deny", FORM, "page=7&people=1%0A2"),
        ("/api/v1/suppressions", JSON, '{"page_id": "7", "people": ["1", "2"]}'),
    ],
    ids=["cockpit", "api"],
)
async def test_who_is_denied_is_denied_in_the_database_and_in_the_queue(
    redis: Redis, api: Callable[..., Api], log_database_url: str, path: str, kind: str, body: str
) -> None:
    with psycopg.connect(log_database_url) as holder, psycopg.connect(log_database_url, autocommit=True) as looking:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        async with api(admin_token=TOKEN, log_database_url=log_database_url) as client:
            holder.execute("LOCK TABLE suppressions")
            browser = await begin(client, path, kind, body)
            await until(lambda: looking.execute(waiting).fetchall() != [(0,)])
            await go_away(browser)
            holder.rollback()
            await until(lambda: redis.xlen(key("audit")) == 1)
        assert looking.execute("SELECT recipient_id FROM suppressions ORDER BY 1").fetchall() == [("1",), ("2",)]
    assert redis.zcard(key("denied:7")) == 2
