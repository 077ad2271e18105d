"""`newar api` over HTTP, on a real Redis with what the services leave there."""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest
import trio
import trio.testing
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from ops.api import reading
from ops.api.app import serve
from ops.api.board import Board
from ops.api.settings import ApiSettings
from schema.keys import key
from schema.runtime.settings import SettingsError
from schema.runtime.stop import Stop
from tests.unit.api.contents import (
    api_settings,
    ingest,
    now_ms,
    process,
    publish,
    sender,
    write_breaker,
    write_failure,
    write_run,
    write_session,
)

EVERYWHERE = "0.0.0.0"  # noqa: S104 - the case under test
SECRET = "correct-horse"
STATS = ["/stats/performance", "/stats/http-client", "/stats/queue", "/stats/circuit-breaker", "/stats/ingest"]
DATA = [*STATS, "/metrics", "/api/v1/overview", "/api/v1/runs", "/api/v1/runs/a", "/api/v1/failures"]

Api = AbstractAsyncContextManager[httpx.AsyncClient]


@asynccontextmanager
async def open_api(settings: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    """Serve on a free port; ends with a soft stop, which must be enough."""
    stop = Stop(drain_s=60)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(serve, settings, stop)
        url = address.replace(EVERYWHERE, "127.0.0.1")
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            yield client
        stop.request()


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
def closed_port() -> Iterator[int]:
    """A port that is taken and on which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


async def test_the_queue_is_added_up(redis: Redis, api: Callable[..., Api]) -> None:
    write_run(redis, "big", page="7", left=900, recipients=1000, sent=90, failed=10)
    write_run(redis, "small", page="8", left=50, state="cancelled", recipients=60)
    write_run(redis, "done", page="8", state="finished", ended_as="complete", recipients=5, sent=5)
    write_session(redis, "S1", held=7, marked=4, outbox=3)
    write_session(redis, "S2", held=3, outbox=2)
    redis.zadd(key("delayed"), {f"big\0{n}": now_ms() + 60_000 for n in range(40)})
    async with api() as client:
        queue = (await client.get("/stats/queue")).json()
        assert {name: queue[name] for name in ("waiting", "delayed", "leased", "marked", "outbox")} == {
            "waiting": 900,
            "delayed": 40,
            "leased": 10,
            "marked": 4,
            "outbox": 5,
        }
        assert [(run["run_id"], run["left"], run["progress"]) for run in queue["runs"]] == [
            ("big", 900, 0.1),
            ("small", 50, 0.1667),
        ]
        assert [(page["page_id"], page["left"]) for page in queue["pages"]] == [("7", 900), ("8", 50)]
        assert queue["oldest_claimable_age_s"] == 0.0
        runs = (await client.get("/api/v1/runs")).json()
        assert {run["run_id"] for run in runs["runs"]} == {"big", "small", "done"}
        assert runs["history"] == "not_configured"


@pytest.mark.parametrize("written", ["ready lane", "due retry", "waiting lane"])
async def test_what_could_be_claimed_and_is_not_grows_old(redis: Redis, api: Callable[..., Api], written: str) -> None:
    since_ms = now_ms() - 40_000
    write_run(redis, "run", page="7", left=1, taken_at_ms=since_ms)
    if written == "ready lane":
        redis.zadd(key("ready"), {"7/text": 0})
        redis.zadd(key("lane:7/text"), {"run": 0})
        redis.hset(key("lane:7/text:pace"), "tat_us", (since_ms - 5_000) * 1000)
    elif written == "due retry":
        redis.zadd(key("delayed"), {"run\0record": since_ms})
    else:
        redis.zadd(key("waiting"), {"7/text": since_ms * 1000})
    async with api() as client:
        age_s = (await client.get("/stats/queue")).json()["oldest_claimable_age_s"]
    assert 40.0 <= age_s < 45.0


async def test_only_the_busiest_hundred_are_listed_and_all_are_counted(redis: Redis, api: Callable[..., Api]) -> None:
    for n in range(150):
        write_run(redis, f"run-{n}", page=str(n), left=n)
    async with api() as client:
        queue = (await client.get("/stats/queue")).json()
    assert [run["left"] for run in queue["runs"]] == list(range(149, 49, -1))
    assert [page["left"] for page in queue["pages"]] == list(range(149, 49, -1))
    assert (queue["waiting"], queue["runs_unfinished"]) == (sum(range(150)), 150)


async def test_processes_are_added_up_and_the_gone_left_out(redis: Redis, api: Callable[..., Api]) -> None:
    publish(
        redis,
        process("a", sender=sender(rate=30.0, outcomes={"sent": 5}, http={"requests": 10, "connections_opened": 1})),
        process("b", sender=sender(rate=12.0, outcomes={"sent": 6})),
        process("gone", at_ms=now_ms() - 60_000, sender=sender(rate=1000.0)),
        process("c", ingest=ingest(rows=4, partitions=[0, 1])),
    )
    async with api() as client:
        performance = (await client.get("/stats/performance")).json()
        assert performance["messages_per_second"] == {"last_1s": 42.0, "last_1m": 42.0, "last_5m": 42.0}
        assert performance["outcomes"]["sent"] == 11
        assert [part["process_id"] for part in performance["processes"]] == ["a", "b"]
        assert (await client.get("/stats/http-client")).json()["socket_reuse_ratio"] == 0.9
        assert (await client.get("/stats/ingest")).json()["partitions"] == [0, 1]
        metrics = (await client.get("/metrics")).text
        assert {f.name for f in text_string_to_metric_families(metrics)} >= {"newar_attempts", "newar_queue_jobs"}


async def test_breakers_and_failures_are_listed(redis: Redis, api: Callable[..., Api]) -> None:
    write_breaker(redis, "7", "open", reason="auth_page")
    write_breaker(redis, "8", "half_open")
    redis.sadd(key("troubled"), "9")
    redis.hset(key("page:9"), "failures", 2)
    for n in range(3):
        write_failure(redis, recipient_id=str(n))
    redis.xadd(key("failures"), {"v": b"\xff not an event"})
    async with api() as client:
        breaker = (await client.get("/stats/circuit-breaker")).json()
        assert (breaker["open"], breaker["half_open"]) == (1, 1)
        assert {(page["page_id"], page["state"]) for page in breaker["pages"]} == {("7", "open"), ("8", "half_open")}
        failures = (await client.get("/api/v1/failures", params={"limit": 2})).json()["failures"]
        assert [failure["recipient_id"] for failure in failures] == ["2", "1"]
        assert failures[0]["error_class"] == "recipient_permanent"


async def test_an_empty_queue_is_an_answer(redis: Redis, api: Callable[..., Api]) -> None:
    async with api() as client:
        for path in ["/admin/queues", *DATA]:
            response = await client.get(path)
            assert response.status_code == (404 if path == "/api/v1/runs/a" else 200), path
        overview = (await client.get("/api/v1/overview")).json()
        assert overview["queue"]["runs"] == overview["other_runs"] == overview["failures"] == []


@pytest.mark.parametrize("run_id", ["<script>alert(1)</script>", "a/b?c#d", "späte aktion 100%", "*"])
async def test_any_run_id_is_found_and_comes_back_as_it_is(redis: Redis, api: Callable[..., Api], run_id: str) -> None:
    write_run(redis, run_id, left=3)
    async with api() as client:
        response = await client.get(httpx.URL("/api/v1/runs/" + _quoted(run_id)))
        assert response.json()["run_id"] == run_id
        assert response.headers["Content-Type"] == "application/json"
        assert [run["run_id"] for run in (await client.get("/stats/queue")).json()["runs"]] == [run_id]


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


async def test_fifty_viewers_cost_one_reading_a_second(redis: Redis, api: Callable[..., Api]) -> None:
    async with api() as client:
        redis.config_resetstat()
        started_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            for path in DATA[:-2] * 6:
                nursery.start_soon(client.get, path)
        took_s = trio.current_time() - started_s
        statistics: dict[str, Any] = redis.info("commandstats")
        assert 1 <= statistics["cmdstat_time"]["calls"] <= 1 + int(took_s)


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
            assert (await client.get("/admin/queues")).status_code == 200


@asynccontextmanager
async def silent_redis() -> AsyncIterator[tuple[str, trio.Event, trio.Event]]:
    """A server that takes connections and never answers; yields its URL, `asked` and `hang_up`."""
    asked, hang_up = trio.Event(), trio.Event()

    async def talk(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            asked.set()
            await hang_up.wait()

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, talk, 0, host="127.0.0.1"))
        yield f"redis://127.0.0.1:{listener.socket.getsockname()[1]}", asked, hang_up
        nursery.cancel_scope.cancel()


async def test_a_redis_that_hangs_is_given_up(api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ANSWER_WITHIN_S", 0.05)
    async with silent_redis() as (url, _asked, _hang_up), api(redis_url=url) as client:
        response = await client.get("/stats/queue")
        assert response.status_code == 503
        assert "does not answer" in response.json()["detail"]


async def test_a_request_in_hand_is_answered_after_the_stop(asyncio_loop: Any) -> None:
    stop, answers = Stop(drain_s=60), []
    async with silent_redis() as (url, asked, hang_up), trio.open_nursery() as nursery:
        address = await nursery.start(serve, api_settings(redis_url=url, api_port=0), stop)

        async def ask() -> None:
            async with httpx.AsyncClient(trust_env=False) as client:
                answers.append((await client.get(f"{address}/stats/queue")).status_code)

        nursery.start_soon(ask)
        await asked.wait()
        await trio.testing.wait_all_tasks_blocked(0.01)
        stop.request()
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert answers == []
        hang_up.set()
    assert answers == [503]


async def test_an_open_connection_does_not_hold_up_the_stop(redis_url: str, asyncio_loop: Any) -> None:
    stop, connections = Stop(drain_s=3600), []
    with trio.fail_after(20):  # far below the drain time, far above what it takes
        async with trio.open_nursery() as nursery:
            address = await nursery.start(serve, api_settings(redis_url=redis_url, api_port=0), stop)
            for request in (b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", b""):
                connections.append(await trio.open_tcp_stream("127.0.0.1", int(address.rsplit(":", 1)[1])))
                await connections[-1].send_all(request)
            assert (await connections[0].receive_some()).startswith(b"HTTP/1.1 200")
            stop.request()
    for connection in connections:
        await connection.aclose()


async def test_a_second_request_to_stop_does_not_wait(asyncio_loop: Any) -> None:
    stop = Stop(drain_s=60)
    async with silent_redis() as (url, asked, _hang_up), trio.open_nursery() as nursery:
        address = await nursery.start(serve, api_settings(redis_url=url, api_port=0), stop)

        async def ask() -> None:
            async with httpx.AsyncClient(trust_env=False) as client:
                with pytest.raises(httpx.RemoteProtocolError):
                    await client.get(f"{address}/stats/queue")

        nursery.start_soon(ask)
        await asked.wait()
        await trio.testing.wait_all_tasks_blocked(0.01)
        stop.request()
        stop.request()


class TestHealth:
    async def test_all_is_well(
        self, redis: Redis, api: Callable[..., Api], postgres_url: str, kafka_bootstrap: str
    ) -> None:
        publish(redis, process("a", sender=sender()), process("b", ingest=ingest()))
        addresses = {
            "log_database_url": postgres_url,
            "source_database_url": postgres_url,
            "kafka_bootstrap_servers": kafka_bootstrap,
        }
        async with api(**addresses) as client:
            response = await client.get("/health")
        assert response.status_code == 200
        assert response.json()["status"] == "ok"
        assert {name: check["status"] for name, check in response.json()["checks"].items()} == dict.fromkeys(
            ("redis", "kafka", "log_database", "source_database", "senders", "ingest"), "ok"
        )

    async def test_what_is_not_configured_degrades_nothing(self, redis: Redis, api: Callable[..., Api]) -> None:
        publish(redis, process("a", sender=sender()), process("b", ingest=ingest()))
        async with api() as client:
            health = (await client.get("/health")).json()
        assert health["status"] == "ok"
        assert health["checks"]["kafka"]["status"] == "not_configured"

    async def test_what_is_away_degrades_and_keeps_its_password(
        self, redis: Redis, api: Callable[..., Api], closed_port: int
    ) -> None:
        publish(redis, process("a", sender=sender(graph_down=True)))
        addresses = {
            "log_database_url": f"postgresql://newar:{SECRET}@127.0.0.1:{closed_port}/newar",
            "source_database_url": f"postgresql://newar:{SECRET}%zz@127.0.0.1:{closed_port}/newar",
            "kafka_bootstrap_servers": f"127.0.0.1:{closed_port}",
        }
        async with api(**addresses) as client:
            response = await client.get("/health")
        assert response.status_code == 200
        assert response.json()["status"] == "degraded"
        checks = response.json()["checks"]
        assert {checks[name]["status"] for name in ("kafka", "log_database", "source_database", "ingest")} == {"down"}
        assert checks["senders"] == {"status": "degraded", "detail": "1 running, Graph API unreachable from 1"}
        assert "connection refused" in checks["log_database"]["detail"]
        assert SECRET not in response.text


class TestRunHistory:
    @pytest.fixture
    def old_run(self, log_database_url: str) -> str:
        with psycopg.connect(log_database_url) as connection:
            connection.execute(
                "INSERT INTO runs (run_id, page_id, source, state, recipients, outcomes, finished_at, taken_at)"
                " VALUES ('old', '7', 'source', 'finished', 3, '{\"sent\": 2, \"failed\": 1}', now(), '2026-01-01Z')"
            )
            connection.execute(
                "INSERT INTO runs (run_id, page_id, source, state, reason) VALUES"
                " ('bad', '7', 'source', 'refused', 'unknown messaging type'), ('live', '7', 'source', 'active', '')"
            )
        return log_database_url

    async def test_the_registry_knows_what_the_queue_does_not(
        self, redis: Redis, api: Callable[..., Api], old_run: str
    ) -> None:
        write_run(redis, "live", left=5)
        async with api(log_database_url=old_run) as client:
            answer = (await client.get("/api/v1/runs")).json()
            assert answer["history"] == "ok"
            assert {run["run_id"]: run["left"] for run in answer["runs"]} == {"live": 5, "bad": 0, "old": 0}
            assert answer["runs"][-1]["run_id"] == "old"
            old = (await client.get("/api/v1/runs/old")).json()
            assert (old["state"], old["outcomes"]["sent"], old["progress"]) == ("finished", 2, 1.0)
            assert (await client.get("/api/v1/runs/bad")).json()["reason"] == "unknown messaging type"
            for unknown in ("none", "%00"):
                assert (await client.get(f"/api/v1/runs/{unknown}")).status_code == 404

    async def test_without_the_log_database_the_queue_is_still_shown(
        self, redis: Redis, api: Callable[..., Api], closed_port: int
    ) -> None:
        write_run(redis, "live", left=5)
        url = f"postgresql://newar:{SECRET}@127.0.0.1:{closed_port}/newar"
        async with api(log_database_url=url) as client:
            answer = (await client.get("/api/v1/runs")).json()
            assert (answer["history"], [run["run_id"] for run in answer["runs"]]) == ("down", ["live"])
            response = await client.get("/api/v1/runs/old")
            assert response.status_code == 503
            assert SECRET not in response.text


class TestWhoMayCome:
    async def test_the_viewers_token_is_asked_for(self, redis: Redis, api: Callable[..., Api]) -> None:
        basic = "Basic " + b64encode(b"me:viewer").decode()
        async with api(api_host=EVERYWHERE, viewer_token="viewer", admin_token="admin") as client:
            for path in [*DATA, "/admin/queues", "/admin/static/dashboard.js", "/openapi.json", "/nowhere"]:
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
            for path in ("/stats/queue", "/health", "/admin/queues"):
                response = await client.get(path, headers={"Host": "evil.example"})
                assert response.status_code == 421
                assert response.headers["Content-Type"] == "application/problem+json"
            assert (await client.get("/stats/queue", headers={"Host": "localhost:3100"})).status_code == 200

    async def test_beyond_loopback_a_token_is_needed_to_start(self, redis_url: str, asyncio_loop: Any) -> None:
        with pytest.raises(SettingsError, match="ADMIN_TOKEN"):
            await serve(api_settings(redis_url=redis_url, api_host=EVERYWHERE, api_port=0), Stop(drain_s=1))


async def test_a_taken_port_is_a_settings_error(redis_url: str, asyncio_loop: Any, closed_port: int) -> None:
    with pytest.raises(SettingsError, match=f"API_PORT={closed_port}"):
        await serve(api_settings(redis_url=redis_url, api_port=closed_port), Stop(drain_s=1))


async def test_every_answer_carries_the_security_headers(redis: Redis, api: Callable[..., Api]) -> None:
    async with api() as client:
        for path in ("/admin/queues", "/stats/queue", "/nowhere", "/admin/static/dashboard.js"):
            headers = (await client.get(path)).headers
            assert "script-src 'self'" in headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == ("no-cache" if "static" in path else "no-store")
        page = (await client.get("/admin/queues")).text
        assert "<script>" not in page
        assert "style=" not in page
        assert "http://" not in page
        assert "https://" not in page


async def _post(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/stats/queue")


async def _missing(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get("/nowhere")


async def _bad_limit(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get("/api/v1/failures?limit=0")


@pytest.mark.parametrize(("ask", "status"), [(_post, 405), (_missing, 404), (_bad_limit, 400)])
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
