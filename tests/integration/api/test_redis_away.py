"""Without Redis: what is still answered, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ops.board import reading
from tests.integration.api.serving import DATA, SECRET, Api, silent_redis


class TestWithoutRedis:
    @pytest.fixture
    def settings(self, closed_port: int) -> dict[str, Any]:
        return {"redis_url": f"redis://:{SECRET}@127.0.0.1:{closed_port}/0"}

    async def test_health_is_down(self, api: Callable[..., Api], settings: dict[str, Any]) -> None:
        async with api(**settings) as client:
            response = await client.get("/health")
            assert response.status_code == 503
            health = response.json()
            assert health["status"] == health["checks"]["redis"]["status"] == "down"
            assert health["checks"]["senders"]["status"] == "unknown"
            assert SECRET not in response.text
            assert (await client.get("/health/live")).json() == {"status": "ok"}

    @pytest.mark.parametrize("path", DATA)
    async def test_figures_are_a_problem(self, api: Callable[..., Api], settings: dict[str, Any], path: str) -> None:
        async with api(**settings) as client:
            response = await client.get(path)
        assert response.status_code == 503
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["title"] == "Service Unavailable"
        assert "Redis" in response.json()["detail"]
        assert SECRET not in response.text

    async def test_the_page_is_still_there(self, api: Callable[..., Api], settings: dict[str, Any]) -> None:
        async with api(**settings) as client:
            assert (await client.get("/admin")).status_code == 200


async def test_a_redis_that_hangs_is_given_up(api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ANSWER_WITHIN_S", 0.05)
    async with silent_redis() as (url, _asked, _hang_up), api(redis_url=url) as client:
        response = await client.get("/stats/queue")
        assert response.status_code == 503
        assert "does not answer" in response.json()["detail"]
