"""What people and rules have stopped or slowed down, as the service tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from ops.board.errors import NO_PAGE
from schema.keys import key
from tests.integration.api.serving import Api
from tests.unit.api.contents import now_ms, process, publish, sender, write_run

PAUSED: dict[Any, Any] = {"paused_until_ms": 9_999_999_999_999, "pause_reason": "by hand"}


async def test_a_pause_of_everything_is_told_everywhere(redis: Redis, api: Callable[..., Api]) -> None:
    redis.hset(key("app"), mapping=PAUSED)
    async with api() as client:
        health = await client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        assert health.json()["checks"]["sending"]["status"] == "degraded"
        assert "newar resume --all" in health.json()["checks"]["sending"]["detail"]
        app = (await client.get("/stats/queue")).json()["app"]
        assert (app["by_hand"], app["reason"]) == (True, "by hand")
        assert (await client.get("/stats/circuit-breaker")).json()["app"]["by_hand"]
        assert (await client.get("/api/v1/overview")).json()["queue"]["app"]["by_hand"]
        assert "newar_paused_by_hand 1.0" in (await client.get("/metrics")).text


async def test_a_pause_by_a_rule_is_none_by_hand(redis: Redis, api: Callable[..., Api]) -> None:
    redis.hset(key("app"), mapping={**PAUSED, "paused_until_ms": now_ms() + 60_000})
    async with api() as client:
        assert (await client.get("/health")).json()["checks"]["sending"]["status"] == "ok"
        assert not (await client.get("/stats/queue")).json()["app"]["by_hand"]


async def test_a_braked_run_is_told_with_its_rule(redis: Redis, api: Callable[..., Api]) -> None:
    brake: dict[str, Any] = {"brake_rule": "content-reported", "brake_reason": "code 368", "brake_at_ms": now_ms()}
    write_run(redis, "r", left=5, held_by="brake", expires_at_ms=now_ms() + 60_000, **brake)
    async with api() as client:
        run = (await client.get("/api/v1/runs/r")).json()
        assert (run["state"], run["held_by"], run["brake"]["rule"]) == ("paused", ["brake"], "content-reported")
        assert run["expires_soon"]
        assert (await client.get("/stats/queue")).json()["runs_braked"] == 1
        assert "newar_runs_braked 1.0" in (await client.get("/metrics")).text


async def test_a_pages_limits_are_explained(redis: Redis, api: Callable[..., Api]) -> None:
    redis.sadd(key("pages"), "7")
    slow: dict[Any, Any] = {"slowed": 1, "ceiling": 0.5, "ceiling_rule": "page-usage-85"}
    redis.hset(key("page:7"), mapping={**slow, "ceiling_until_us": (now_ms() + 60_000) * 1000})
    settings: dict[str, int | float | str] = {"rate_limit_per_page": 40, "rate_limit_per_page_media": 8}
    publish(redis, process("a", sender=sender(), settings={**settings, "rate_limit_max_jobs_per_second": 0}))
    async with api() as client:
        limits = (await client.get("/api/v1/pages/7/limits")).json()
        assert [lane["now_per_s"] for lane in limits["lanes"]] == [20.0, 4.0]
        [slowdown] = limits["because"]
        assert (slowdown["rule"], slowdown["effect"]) == ("page-usage-85", "at most 50% of the limit")
        assert slowdown["rule_in_words"].startswith("page-usage-85: ")


@pytest.mark.parametrize("page_id", ["9", "%00", "<b>"])
async def test_limits_of_an_unknown_page_are_not_found(redis: Redis, api: Callable[..., Api], page_id: str) -> None:
    async with api() as client:
        response = await client.get(f"/api/v1/pages/{page_id}/limits")
        assert (response.status_code, response.json()["detail"]) == (404, NO_PAGE)
