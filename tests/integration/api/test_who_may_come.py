"""Tokens, foreign host names and security headers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from ops.api.app import serve
from schema.runtime.settings import SettingsError
from schema.runtime.stop import Stop
from tests.integration.api.serving import DATA, EVERYWHERE, Api
from tests.unit.api.contents import api_settings


class TestWhoMayCome:
    async def test_the_viewers_token_is_asked_for(self, redis: Redis, api: Callable[..., Api]) -> None:
        basic = "Basic " + b64encode(b"me:viewer").decode()
        async with api(api_host=EVERYWHERE, viewer_token="viewer", admin_token="admin") as client:
            for path in [
                *DATA,
                "/api/v1/suppressions",
                "/admin",
                "/openapi.json",
                "/nowhere",
            ]:
                response = await client.get(path)
                assert response.status_code == 401, path
                assert response.headers["Content-Type"] == "application/problem+json"
            assert [value.split()[0] for value in response.headers.get_list("WWW-Authenticate")] == ["Basic", "Bearer"]
            for authorization in ("Bearer viewer", "Bearer admin", basic):
                headers = {"Authorization": authorization}
                assert (await client.get("/stats/queue", headers=headers)).status_code == 200
            assert (await client.get("/stats/queue", headers={"Authorization": "Bearer no"})).status_code == 401

    async def test_health_is_open_and_tells_strangers_no_details(self, redis: Redis, api: Callable[..., Api]) -> None:
        async with api(api_host=EVERYWHERE, viewer_token="viewer") as client:
            assert (await client.get("/health/live")).status_code == 200
            strangers = (await client.get("/health")).json()["checks"]
            known = (await client.get("/health", headers={"Authorization": "Bearer viewer"})).json()["checks"]
        assert strangers["redis"] == {"status": "ok"}
        assert known["redis"] == {"status": "ok", "detail": "answers"}

    async def test_a_foreign_host_name_is_refused_on_loopback(self, redis: Redis, api: Callable[..., Api]) -> None:
        async with api() as client:
            for path in ("/stats/queue", "/health", "/admin"):
                response = await client.get(path, headers={"Host": "evil.example"})
                assert response.status_code == 421
                assert response.headers["Content-Type"] == "application/problem+json"
            assert (await client.get("/stats/queue", headers={"Host": "localhost:3100"})).status_code == 200

    async def test_through_a_proxy_that_rewrites_host_nobody_looks_without_signing_in(
        self, redis: Redis, api: Callable[..., Api]
    ) -> None:
        proxies = [{"X-Forwarded-For": "203.0.113.7"}, {"Forwarded": "for=203.0.113.7"}, {"Via": "1.1 edge"}]
        async with api(admin_token="admin") as client:
            for by_proxy in [*proxies, {"X-Real-IP": "127.0.0.1"}]:
                for path in [*DATA, "/admin", "/admin/runs"]:
                    answer = await client.get(path, headers={"Host": "localhost", **by_proxy})
                    assert answer.status_code == 401, path
                page = await client.get("/admin", headers={"Host": "localhost", "Accept": "text/html", **by_proxy})
                assert page.headers["Location"].startswith("/admin/sign-in")
                known = {"Authorization": "Bearer admin", **by_proxy}
                assert (await client.get("/admin", headers=known)).status_code == 200
            assert (await client.get("/admin")).status_code == 200

    async def test_beyond_loopback_a_token_is_needed_to_start(self, redis_url: str, asyncio_loop: Any) -> None:
        with pytest.raises(SettingsError, match="ADMIN_TOKEN"):
            await serve(api_settings(redis_url=redis_url, api_host=EVERYWHERE, api_port=0), Stop(drain_s=1))


async def test_every_answer_carries_the_security_headers(redis: Redis, api: Callable[..., Api]) -> None:
    async with api() as client:
        for path in ("/admin", "/stats/queue", "/nowhere", "/admin/static/cockpit.js"):
            headers = (await client.get(path)).headers
            assert "script-src 'self'" in headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == ("no-cache" if "static" in path else "no-store")
        page = (await client.get("/admin")).text
        assert "<script>" not in page
        assert "style=" not in page
        assert "http://" not in page
        assert "https://" not in page
