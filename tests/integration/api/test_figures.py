"""Figures of the queue, the processes, the breakers and the failures, as they are added up and listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trio
import trio.testing
from msgspec import msgpack
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from schema.keys import key
from sender.queue.limit_clock import LimitClock, encode_clock
from tests.integration.api.serving import DATA, Api
from tests.unit.api.contents import (
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


async def test_a_run_outside_its_hours_is_paused_by_its_window(redis: Redis, api: Callable[..., Api]) -> None:
    hour_ms = 3_600_000
    for run_id, opens in (("closed", now_ms() + hour_ms), ("open", now_ms() - hour_ms)):
        write_run(redis, run_id, left=1, windows=msgpack.encode({"": [opens, opens + 2 * hour_ms]}))
    async with api() as client:
        queue = (await client.get("/stats/queue")).json()
        one = (await client.get("/api/v1/runs/closed")).json()
    assert {run["run_id"]: (run["state"], run["held_by"]) for run in queue["runs"]} == {
        "closed": ("paused", ["window"]),
        "open": ("active", []),
    }
    assert (one["state"], one["held_by"]) == ("paused", ["window"])


@pytest.mark.parametrize("written", ["ready lane", "lane of the first release", "due retry", "waiting lane"])
async def test_what_could_be_claimed_and_is_not_grows_old(redis: Redis, api: Callable[..., Api], written: str) -> None:
    since_ms = now_ms() - 40_000
    write_run(redis, "run", page="7", left=1, taken_at_ms=since_ms)
    if "lane" in written and written != "waiting lane":
        redis.zadd(key("ready"), {"7/text": 0})
        redis.zadd(key("lane:7/text"), {"run": 0})
        if written == "ready lane":
            redis.hset(key("page:7"), "clock:text", encode_clock(LimitClock(tat=(since_ms - 5_000) * 1000)))
        else:
            redis.hset(key("lane:7/text:pace"), "tat_us", (now_ms() - 20_000) * 1000)
    elif written == "due retry":
        redis.zadd(key("delayed"), {"run\0record": since_ms})
    else:
        redis.zadd(key("waiting"), {"7/text": since_ms * 1000})
    async with api() as client:
        age_s = (await client.get("/stats/queue")).json()["oldest_claimable_age_s"]
    at_least_s = 20.0 if written == "lane of the first release" else 40.0
    assert at_least_s <= age_s < at_least_s + 5


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
        for path in ["/admin", *DATA]:
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
        beside = 1  # what the login may do is tried once
        assert 1 <= statistics["cmdstat_time"]["calls"] <= 1 + int(took_s) + beside
