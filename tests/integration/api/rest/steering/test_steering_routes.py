"""Runs, pages and everything steered over HTTP: what is done, noted, answered and refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from redis import Redis

from schema.keys import key
from tests.integration.api.rest.steering.steerers import ADMIN, AWAY, TOKENS, VIEWER, trail
from tests.integration.api.serving import Api
from tests.integration.commands.servers import sql
from tests.unit.api.contents import write_run

RUNS = "/api/v1/runs"
BY_HAND = b"9999999999999"


async def test_a_run_is_paused_resumed_and_cancelled(redis: Redis, api: Callable[..., Api]) -> None:
    write_run(redis, "//a/b//c", left=3)
    async with api(**TOKENS) as client:
        client.headers.update(ADMIN)
        for act, done in (("pause", "paused"), ("resume", "resumed"), ("cancel", "cancelled")):
            response = await client.post(f"{RUNS}///a/b//c/{act}")
            assert (response.status_code, response.json()) == (
                200,
                {"run_id": "//a/b//c", "done": done, "left": 3},
            ), response.text
            assert redis.hexists(key("run://a/b//c"), "hold:operator") == (act == "pause")
        assert redis.hget(key("run://a/b//c"), "state") == b"cancelled"
        response = await client.post(f"{RUNS}///a/b//c/pause")
        assert (response.status_code, response.json()["detail"]) == (
            409,
            "run //a/b//c cannot be paused: it is cancelled",
        )
    assert trail(redis) == [(f"run {what}", "//a/b//c", "3 left") for what in ("pause", "resume", "cancel")]
    entries: Any = redis.xrange(key("audit"))
    assert {fields[b"who"] for _, fields in entries} == {b"ADMIN_TOKEN@127.0.0.1"}


async def test_emergencies_need_no_log_database(redis: Redis, api: Callable[..., Api]) -> None:
    write_run(redis, "r", left=3)
    async with api(**TOKENS, log_database_url=AWAY) as client:
        client.headers.update(ADMIN)
        assert (await client.post(f"{RUNS}/r/pause")).json() == {"run_id": "r", "done": "paused", "left": 3}
        response = await client.post(f"{RUNS}/r/cancel", headers={"Idempotency-Key": "k"})
        assert (response.status_code, response.json()["done"]) == (200, "cancelled")
        assert "repeat it when that is back" in response.json()["notes"][-1]
        assert "hidden" not in response.text
        for path in ("/api/v1/pages/1/pause", "/api/v1/pages/1/resume", "/api/v1/pause", "/api/v1/resume"):
            assert (await client.post(path)).status_code == 200
        response = await client.post(f"{RUNS}/nobody/pause")
        assert (response.status_code, response.headers["Content-Type"]) == (503, "application/problem+json")
        assert "the log database" in response.json()["detail"]
        assert "hidden" not in response.text


async def test_a_submitted_run_is_steered_before_it_is_taken(
    redis: Redis, api: Callable[..., Api], log_database_url: str
) -> None:
    sql(log_database_url, "INSERT INTO submitted_runs (run_id, page_id, message) VALUES ('s', '7', '{}')")
    async with api(**TOKENS, log_database_url=log_database_url) as client:
        client.headers.update(ADMIN)
        for act in ("pause", "resume", "cancel"):
            assert (await client.post(f"{RUNS}/s/{act}")).status_code == 200
        assert (await client.post(f"{RUNS}/s/resume")).json()["detail"] == "run s cannot be resumed: it is cancelled"
        for unknown in ("nobody", "%00", "a%00b"):
            response = await client.post(f"{RUNS}/{unknown}/cancel")
            assert (response.status_code, "no run has" in response.text) == (404, True)
    rows = sql(log_database_url, "SELECT who, what FROM audit ORDER BY id")
    assert rows == [("ADMIN_TOKEN@127.0.0.1", f"run {act}") for act in ("pause", "resume", "cancel")]


async def test_a_run_gets_more_time(redis: Redis, api: Callable[..., Api]) -> None:
    write_run(redis, "r", left=3)
    before_ms = int(redis.hget(key("run:r"), "expires_at_ms") or 0)
    async with api(**TOKENS) as client:
        client.headers.update(ADMIN)
        response = await client.post(f"{RUNS}/r/extend", json={"by_s": 3600})
        assert response.status_code == 200, response.text
        assert int(redis.hget(key("run:r"), "expires_at_ms") or 0) == before_ms + 3_600_000
        for body, status, says in (
            ({}, 400, "either by_s"),
            ({"by_s": 1, "until": "2999-01-01T00:00:00Z"}, 400, "either by_s"),
            ({"until": "2999-01-01T00:00:00"}, 400, "no time zone"),
            ({"until": "2020-01-01T00:00:00Z"}, 409, "write a later moment"),
            ({"by_s": 0}, 400, "by_s"),
            ({"by_s": 1e300}, 400, "by_s"),
        ):
            response = await client.post(f"{RUNS}/r/extend", json=body)
            assert (response.status_code, says in response.json()["detail"]) == (status, True), response.text


async def test_a_page_is_paused_and_its_breaker_and_limits_are_set(redis: Redis, api: Callable[..., Api]) -> None:
    redis.sadd(key("pages"), "7")
    async with api(**TOKENS) as client:
        client.headers.update(ADMIN)
        assert (await client.post("/api/v1/pages/7/pause")).json() == {"page_id": "7", "done": "paused"}
        assert redis.hget(key("page:7"), "paused_until_ms") == BY_HAND
        await client.post("/api/v1/pages/7/resume")
        assert not redis.hexists(key("page:7"), "paused_until_ms")
        await client.post("/api/v1/pages/7/breaker", json={"state": "open"})
        assert redis.hget(key("page:7"), "breaker") == b"open"
        await client.post("/api/v1/pages/7/breaker", json={"state": "close"})
        assert not redis.hexists(key("page:7"), "breaker")
        response = await client.post("/api/v1/pages/7/limits", json={"per_second": 12, "for_ms": 60_000})
        assert response.json() == {"page_id": "7", "done": "set", "per_second": 12.0, "for_ms": 60_000}
        assert redis.hget(key("page:7"), "set_limit") == b"12"
        await client.post("/api/v1/pages/7/limits", json={"per_second": None})
        assert not redis.hexists(key("page:7"), "set_limit")
        redis.hset(key("page:7"), mapping={"pace": "0.5"})
        assert (await client.post("/api/v1/pages/7/limits/reset")).json()["lifted"] == ["pace"]
        assert (await client.post("/api/v1/pages/app/limits/reset")).json()["lifted"] == []
        for act, body in (("pause", None), ("limits", {"per_second": 1}), ("limits/reset", None)):
            response = await client.post(f"/api/v1/pages/8/{act}", json=body)
            assert (response.status_code, "never had a run" in response.text) == (404, True)
    words = ["page pause", "page resume", "page breaker open", "page breaker close", "limits set", "limits set"]
    assert [what for what, *_ in trail(redis)] == [*words, "limits reset"]


async def test_many_pages_are_steered_at_once(redis: Redis, api: Callable[..., Api]) -> None:
    redis.sadd(key("pages"), *(str(n) for n in range(300)))
    pages = [str(n) for n in range(299, 303)]
    async with api(**TOKENS) as client:
        client.headers.update(ADMIN)
        response = await client.post("/api/v1/pages/pause", json={"pages": [*pages, "299"], "expect": 4})
        assert response.json() == {"done": "paused", "pages": 1, "unknown": 3, "examples": ["300", "301", "302"]}
        everybody = {"pages": [str(n) for n in range(300)]}
        assert (await client.post("/api/v1/pages/resume", json=everybody)).json()["pages"] == 300
        for path, more in (("breaker", {"state": "open"}), ("limits", {"per_second": 3}), ("limits/reset", {})):
            response = await client.post(f"/api/v1/pages/{path}", json=everybody | more)
            assert response.json()["pages"] == 300, response.text
        response = await client.post("/api/v1/pages/pause", json={"pages": ["1"], "expect": 2})
        assert (response.status_code, "names 1 pages" in response.text) == (400, True)
    assert trail(redis)[:2] == [("page pause", "299", "one of 4 pages"), ("page resume", "299", "one of 300 pages")]


async def test_all_pages_that_match_are_steered_if_they_are_as_many_as_expected(
    redis: Redis, api: Callable[..., Api]
) -> None:
    for n in range(12):
        write_run(redis, f"r{n}", page=str(700 + n), left=1)
    async with api(**TOKENS) as client:
        client.headers.update(ADMIN)
        path, some = "/api/v1/pages/pause", {"filter": {"search": "70"}}
        for body, status, says in (
            (some, 400, "expect"),
            ({}, 400, "either pages"),
            ({**some, "pages": ["700"]}, 400, "either pages"),
            ({**some, "expect": 9}, 409, "10 pages match now"),
            ({"filter": {"state": "odd"}, "expect": 9}, 400, "state"),
            ({"filter": {"find": "70"}, "expect": 9}, 400, "unknown field `find`"),
        ):
            response = await client.post(path, json=body)
            assert (response.status_code, says in response.json()["detail"]) == (status, True), response.text
        assert trail(redis) == []
        assert (await client.post(path, json={**some, "expect": 10})).json()["pages"] == 10
        paused = (await client.get("/api/v1/pages?state=paused")).json()
        assert paused["total"] == 10  # at once
        response = await client.post("/api/v1/pages/resume", json={"filter": {"state": "paused"}, "expect": 10})
        assert response.json() == {"done": "resumed", "pages": 10, "unknown": 0, "examples": []}
    assert trail(redis)[0] == ("page pause", "700", "one of 10 pages")


async def test_everything_is_paused_and_resumed(redis: Redis, api: Callable[..., Api]) -> None:
    async with api(**TOKENS) as client:
        client.headers.update(ADMIN)
        assert (await client.post("/api/v1/pause")).json() == {"done": "paused", "held_by_senders": 0}
        assert redis.hget(key("app"), "paused_until_ms") == BY_HAND
        assert (await client.post("/api/v1/resume", json={})).json() == {"done": "resumed"}
        assert not redis.hexists(key("app"), "paused_until_ms")


@pytest.mark.parametrize(
    ("path", "content", "status", "says"),
    [
        ("/api/v1/runs/r/pause", {"json": {"reason": "x"}}, 400, "unknown field `reason`"),
        ("/api/v1/runs/r/pause", {"json": []}, 400, "cannot be used"),
        ("/api/v1/pages/1/breaker", {"json": {"state": "ajar"}}, 400, "state"),
        ("/api/v1/pages/1/breaker", {}, 400, "state"),
        ("/api/v1/pages/1/breaker", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "used"),
        ("/api/v1/pages/1/breaker", {"content": b'{"state":"open"}'}, 415, "application/json"),
        ("/api/v1/pages/1/breaker", {"data": {"state": "open"}}, 415, "application/json"),
        ("/api/v1/pages/1/limits", {"json": {"per_second": 0}}, 400, "per_second"),
        ("/api/v1/pages/1/limits", {"json": {"per_second": None, "for_ms": 5}}, 400, "leave for_ms out"),
        ("/api/v1/pages/pause", {"json": {"pages": []}}, 400, "pages"),
        ("/api/v1/pages/pause", {"json": {"pages": ["1"] * 10_001}}, 400, "pages"),
        ("/api/v1/pause", {"headers": {"Idempotency-Key": ""}}, 400, "visible ASCII"),
        ("/api/v1/pause", {"headers": {"Idempotency-Key": "a b"}}, 400, "visible ASCII"),
        ("/api/v1/pause", {"headers": {"Idempotency-Key": "k" * 256}}, 400, "visible ASCII"),
    ],
)
async def test_a_request_that_cannot_be_used_changes_nothing(
    redis: Redis, api: Callable[..., Api], path: str, content: dict[str, Any], status: int, says: str
) -> None:
    write_run(redis, "r", left=3)
    async with api(**TOKENS) as client:
        client.headers.update(ADMIN)
        response = await client.post(path, **content)
        assert (response.status_code, says in response.json()["detail"]) == (status, True), response.text
        assert response.headers["Content-Type"] == "application/problem+json"
    assert trail(redis) == []


async def test_only_who_may_steer_steers_and_only_by_post(redis: Redis, api: Callable[..., Api]) -> None:
    write_run(redis, "r", left=3)
    paths = [f"{RUNS}/r/pause", "/api/v1/pages/1/pause", "/api/v1/pause", "/api/v1/suppressions/lift"]
    async with api(**TOKENS) as client:
        for path in paths:
            assert (await client.post(path)).status_code == 401
            response = await client.post(path, headers=VIEWER)
            assert (response.status_code, "operator" in response.text) == (403, True)
            for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"):
                assert (await client.request(method, path, headers=ADMIN)).status_code in (404, 405)
    async with api() as client:  # on loopback without tokens anybody may look
        assert (await client.post("/api/v1/pause")).status_code == 403
    assert trail(redis) == []


async def test_a_body_that_is_too_long_is_refused_before_it_is_sent(api: Callable[..., Api]) -> None:
    head = "POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\n"
    async with api(**TOKENS) as client:
        stream = await trio.open_tcp_stream(client.base_url.host, client.base_url.port or 0)
        async with stream:
            await stream.send_all(f"{head}Content-Type: application/json\r\nContent-Length: 5000000\r\n\r\n".encode())
            answer = bytes(await stream.receive_some())
        assert answer.startswith(b"HTTP/1.1 413")
