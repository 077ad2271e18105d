"""Clients that ask for more than they may: refused, whatever they send, and nobody else is."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
import trio
from structlog.testing import capture_logs

from ops.api.door import gate
from tests.integration.api.serving import Api
from tests.patience import patience_s

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
SLOW = 0.001
"""Requests a second: nothing comes back while a test runs."""
PER_S = 0.5
BURST = 5
PROXY = {"X-Forwarded-For": "203.0.113.7"}


async def used_up(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    """Ask until it is refused."""
    with trio.fail_after(patience_s()):
        while True:
            answer = await client.get("/health/live", headers=headers)
            if answer.status_code != 200:
                return answer


async def raw(client: httpx.AsyncClient, *parts: bytes) -> bytes:
    """Send parts, each once the one before was answered; return all answers, to the end of the connection."""
    answers = b""
    async with await trio.open_tcp_stream("127.0.0.1", client.base_url.port or 0) as tcp:
        for part in parts:
            await tcp.send_all(part)
            with trio.fail_after(patience_s()):
                while answer := await tcp.receive_some():
                    answers += answer
                    if part is not parts[-1]:
                        break
    return answers


async def test_who_has_asked_for_too_much_is_told_when_to_come_again(api: Callable[..., Api]) -> None:
    with capture_logs() as logged:
        async with api(api_requests_per_second=PER_S) as client:
            answer = await used_up(client)
            assert answer.status_code == 429
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["status"] == 429
            assert 1 <= int(answer.headers["Retry-After"]) <= 2
            assert (await client.get("/health/live")).status_code == 429  # on the same connection
            assert (await client.post("/api/v1/runs?check=1", json={})).status_code == 429
    assert [line["client"] for line in logged if line["event"] == "client_refused"] == ["127.0.0.1"]


async def test_requests_sent_at_once_are_counted_one_by_one(api: Callable[..., Api]) -> None:
    async with api(api_requests_per_second=PER_S) as client:
        close = LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        answers = await raw(client, 3 * BURST * LIVE + close)
    assert answers.count(b"HTTP/1.1 200") == BURST
    assert answers.count(b"HTTP/1.1 429") > 0


@pytest.mark.parametrize(
    "said",
    [
        LIVE[:-4] + b"\r\nContent-Length: %d\r\n\r\n" % len(LIVE),
        LIVE[:-4] + b"\r\nTransfer-Encoding : chunked\r\n\r\n",
        LIVE[:-4] + b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        LIVE + LIVE,
        LIVE[:-2],
        b"POST / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_after_a_refusal_no_part_of_a_request_is_taken_for_another(api: Callable[..., Api], said: bytes) -> None:
    async with api(api_requests_per_second=SLOW) as client:
        await used_up(client)
        answers = await raw(client, said)
    assert answers.count(b"HTTP/1.1 429") == answers.count(b"HTTP/") == 1
    assert b"connection: close" in answers


async def test_a_wrong_token_costs_as_much_as_ten_requests(
    api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with api(api_requests_per_second=10, viewer_token="right") as client:
        statuses = [
            (await client.get("/stats/queue", headers={"Authorization": f"Bearer {n}"})).status_code for n in range(30)
        ]
    assert 10 <= statuses.count(401) < 20
    assert statuses.count(429) == 30 - statuses.count(401)


async def test_behind_a_proxy_each_client_has_its_own_allowance(api: Callable[..., Api]) -> None:
    async with api(api_requests_per_second=SLOW * 200, trusted_proxies="127.0.0.1") as client:
        answer = await used_up(client, **PROXY)
        assert answer.status_code == 429
        assert (await client.get("/health/live", headers={"X-Forwarded-For": "203.0.113.8"})).status_code == 200
        assert (await client.get("/health/live")).status_code == 200
        assert (await used_up(client, **PROXY)).status_code == 429


async def test_more_connections_than_may_be_are_closed(
    api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST_CONNECTIONS_OF_A_CLIENT", 2)
    async with api() as client:
        port = client.base_url.port or 0
        async with await trio.open_tcp_stream("127.0.0.1", port), await trio.open_tcp_stream("127.0.0.1", port):
            assert await raw(client, LIVE) == b""
        with trio.fail_after(patience_s()):
            while not (await closing(client)):
                await trio.sleep(0.01)


async def closing(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health/live", headers={"Connection": "close"})).status_code == 200
    except httpx.TransportError:
        return False
