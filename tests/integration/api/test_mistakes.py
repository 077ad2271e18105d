"""Mistakes of settings, of callers and of ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from redis import Redis

from ops.api.app import serve
from ops.board.board import Board
from schema.runtime.settings import SettingsError
from schema.runtime.stop import Stop
from tests.integration.api.serving import SECRET, Api
from tests.unit.api.contents import api_settings


async def test_a_taken_port_is_a_settings_error(redis_url: str, asyncio_loop: Any, closed_port: int) -> None:
    with pytest.raises(
        SettingsError, match=rf"API_PORT={closed_port}: cannot listen there \(Address already in use\); "
    ):
        await serve(api_settings(redis_url=redis_url, api_port=closed_port), Stop(drain_s=1))


async def _post(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/stats/queue")


async def _missing(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get("/nowhere")


async def _bad_limit(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get("/api/v1/failures?limit=0")


async def _endless_limit(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get("/api/v1/failures?limit=" + 5000 * "1")


@pytest.mark.parametrize(("ask", "status"), [(_post, 405), (_missing, 404), (_bad_limit, 400), (_endless_limit, 400)])
async def test_mistakes_are_answered_with_a_problem(
    redis: Redis, api: Callable[..., Api], ask: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]], status: int
) -> None:
    async with api() as client:
        response = await ask(client)
    assert response.status_code == response.json()["status"] == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert set(response.json()) == {"type", "title", "status", "detail"}


async def test_an_error_of_ours_tells_nothing_of_itself(
    redis: Redis, api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_board: Board) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(Board, "health", broken)
    async with api() as client:
        response = await client.get("/health")
    assert response.status_code == response.json()["status"] == 500
    assert SECRET not in response.text
    assert "Traceback" not in response.text
