"""The list of pages: what it says of each, in which order, and that nobody is skipped while everything changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from httpx import AsyncClient
from redis import Redis

from ops.board import board
from ops.board.pages import page_reading
from schema.keys import key
from tests.integration.api.serving import SECRET, Api
from tests.unit.api.contents import now_ms, write_breaker, write_run

PATH = "/api/v1/pages"
BY_HAND_MS = 9_999_999_999_999
HOSTILE = "<script>alert(1)</script> \u202egnp.exe\u200b\u2066 'x' \"y\" {{7*7}}"


def write_page(
    redis: Redis, page_id: str, *, left: int = 0, ready: int = 0, age_s: float = 0, **fields: str | float
) -> None:
    """Write a page with one run, `ready` of whose `left` messages have their turn."""
    redis.sadd(key("pages"), page_id)
    if fields:
        redis.hset(key(f"page:{page_id}"), mapping=dict[Any, Any](fields))
    if left:
        write_run(redis, f"run {page_id}", page=page_id, left=left, taken_at_ms=now_ms() - int(age_s * 1000))
    if ready:
        redis.zadd(key(f"lane:{page_id}/text"), {f"run {page_id}": 1})
        redis.rpush(key(f"jobs:run {page_id}"), *["record"] * ready)


def write_all_states(redis: Redis) -> None:
    write_page(redis, "1", left=10, ready=8, age_s=60, name="Sends", limit_text="25")
    write_page(redis, "2", left=20, name="waits")
    write_page(redis, "3", left=30, ready=30, paused_until_ms=BY_HAND_MS, pause_reason="by hand", name=HOSTILE)
    write_page(redis, "4", left=40, ready=40)
    write_breaker(redis, "4", reason="auth_page: revoked", breaker_rule="page-auth")
    cut: dict[str, str | float] = {
        "slowed": 1,
        "pace": 0.3,
        "cut_us": now_ms() * 1000,
        "cut_factor": 0.7,
        "pace_rule": "throttled-pace",
    }
    write_page(redis, "5", left=50, ready=50, age_s=5, **cut)
    write_page(redis, "6", name="Idle")


async def ids(client: AsyncClient, **params: str) -> list[str]:
    response = await client.get(PATH, params=params)
    assert response.status_code == 200, response.text
    return [page["page_id"] for page in response.json()["pages"]]


async def test_each_page_says_what_it_does_and_why(api: Callable[..., Api], redis: Redis) -> None:
    write_all_states(redis)
    async with api() as client:
        answer = (await client.get(PATH)).json()
        pages = {page["page_id"]: page for page in answer["pages"]}
        words = {page_id: page["state"] for page_id, page in pages.items()}
        assert words == {"1": "sending", "2": "waiting", "3": "paused", "4": "breaker", "5": "throttled", "6": "idle"}
        alone = {"paused": 1, "breaker": 1, "throttled": 1, "idle": 1}
        assert answer["states"] == {**alone, "sending": 2, "waiting": 3, "unknown": 0}
        assert (answer["total"], answer["next"], answer["latency"]) == (6, None, "not_configured")
        split = {page_id: (page["backlog"], page["may_go"], page["waits"]) for page_id, page in pages.items()}
        assert split == {"1": (10, 8, 2), "2": (20, 0, 20), "3": (30, 0, 30), "4": (40, 0, 40), "5": (50, 50, 0)} | {
            "6": (0, 0, 0)
        }
        assert 60 <= pages["1"]["oldest_s"] < 600
        assert pages["3"]["oldest_s"] is None
        assert (pages["1"]["text"]["limit"], pages["1"]["text"]["now_per_s"]) == (25, 25)
        assert pages["3"]["text"]["now_per_s"] == 0
        assert (pages["3"]["paused"], pages["3"]["paused_until"], pages["3"]["pause_reason"]) == (True, None, "by hand")
        assert (pages["4"]["breaker"], pages["4"]["breaker_reason"]) == ("open", "auth_page: revoked")
        assert [(s["what"], s["rule"], s["by_hand"]) for s in pages["5"]["because"]] == [
            ("pace", "throttled-pace", False)
        ]
        assert 0 < pages["5"]["text"]["now_per_s"] < pages["5"]["text"]["limit"]
        assert pages["3"]["name"] == HOSTILE
        assert (pages["5"]["name"], pages["1"]["runs"]) == (None, 1)


async def test_pages_are_sorted_searched_and_filtered(api: Callable[..., Api], redis: Redis) -> None:
    write_all_states(redis)
    async with api() as client:
        assert await ids(client) == ["4", "3", "5", "2", "1", "6"]
        assert await ids(client, sort="backlog") == ["5", "4", "3", "2", "1", "6"]
        assert await ids(client, sort="name") == ["3", "6", "1", "2", "4", "5"]
        assert (await ids(client, sort="age"))[:2] == ["1", "5"]
        assert await ids(client, search="SEND") == ["1"]
        assert await ids(client, search="\u202eGNP") == ["3"]
        assert await ids(client, state="paused") == ["3"]
        answer = (await client.get(PATH, params={"state": "paused", "search": "s"})).json()
        assert (answer["total"], answer["states"]["sending"], answer["states"]["breaker"]) == (1, 1, 0)


async def test_all_paused_are_found_and_resumed_where_a_breaker_is_open_too(
    api: Callable[..., Api], redis: Redis
) -> None:
    write_all_states(redis)
    redis.hset(key("page:4"), mapping={"paused_until_ms": BY_HAND_MS, "pause_reason": "by hand"})
    async with api(admin_token=SECRET) as client:
        client.headers["Authorization"] = f"Bearer {SECRET}"
        answer = (await client.get(PATH, params={"state": "paused"})).json()
        assert [(page["page_id"], page["state"]) for page in answer["pages"]] == [("4", "breaker"), ("3", "paused")]
        assert answer["total"] == answer["states"]["paused"] == 2
        body = {"filter": {"state": "paused"}, "expect": answer["total"]}
        done = await client.post(f"{PATH}/resume", json=body)
        assert (done.status_code, done.json()["pages"]) == (200, 2), done.text
        assert (await client.get(PATH, params={"state": "paused"})).json()["total"] == 0
    assert not redis.hexists(key("page:4"), "paused_until_ms")


async def test_a_parameter_that_cannot_be_used_is_refused_with_what_to_write(
    api: Callable[..., Api], redis: Redis
) -> None:
    write_all_states(redis)
    async with api() as client:
        following = (await client.get(PATH, params={"limit": "2"})).json()["next"]
        for params, told in (
            ({"state": "asleep"}, "state must be one of sending"),
            ({"sort": "luck"}, "sort must be one of trouble"),
            ({"search": "x" * 201}, "search is longer than 200"),
            ({"after": "x"}, "after must be the `next`"),
            ({"after": "x.5"}, "this list is no longer kept"),
            ({"after": following, "sort": "name"}, "after belongs to a list with another"),
            ({"limit": "0"}, "limit must be a whole number"),
            ({"serach": "x"}, "no parameter of this"),
        ):
            response = await client.get(PATH, params=params)
            assert response.status_code == 400, params
            assert told in response.json()["detail"]


async def test_ten_thousand_pages_come_once_each_while_everything_changes(
    api: Callable[..., Api], redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((page_reading, "FRESH_S"), (page_reading, "SPARED"), (board, "FRESH_S")):
        monkeypatch.setattr(module, name, 0)  # each request reads anew
    pages = [f"{n:015}" for n in range(10_000)]
    redis.sadd(key("pages"), *pages)
    pipeline = redis.pipeline(transaction=False)
    for n, page in enumerate(pages):
        pipeline.hset(key(f"page:{page}"), mapping={"name": f"Página {n % 977}"})
    pipeline.execute()
    for n in range(0, 10_000, 100):
        write_page(redis, pages[n], left=n + 1, ready=1)
    async with api() as client:
        for sort in ("backlog", "name"):
            seen: list[str] = []
            after: dict[str, str] = {}
            while True:
                answer = (await client.get(PATH, params={"limit": "1000", "sort": sort, **after})).json()
                seen += [page["page_id"] for page in answer["pages"]]
                assert answer["total"] == 10_000
                if answer["next"] is None:
                    break
                after = {"after": answer["next"]}
                for n in range(0, 10_000, 500):  # what was last comes first now, and the other way round
                    redis.hset(key(f"run:run {pages[n]}"), "left", 20_000 - n)
                    redis.hset(key(f"page:{pages[n]}"), "name", f"A{n}")
            assert sorted(seen) == pages, sort


async def test_percentiles_are_those_of_the_last_minutes(
    api: Callable[..., Api], redis: Redis, log_database_url: str, closed_port: int
) -> None:
    write_all_states(redis)
    fast, slow = [0] * 24, [0] * 24
    fast[3], slow[10] = 90, 10
    with psycopg.connect(log_database_url) as connection:
        for page, age, latencies in (("1", "1 min", fast), ("1", "2 min", slow), ("2", "30 min", slow)):
            connection.execute(
                "INSERT INTO page_figures VALUES (%s, 60, now() - %s::interval, 'sent', 100, %s)",
                (page, age, latencies),
            )
    async with api(log_database_url=log_database_url) as client:
        answer = (await client.get(PATH)).json()
        pages = {page["page_id"]: page for page in answer["pages"]}
        assert answer["latency"] == "ok"
        assert (pages["1"]["p50_ms"], pages["1"]["p95_ms"]) == (59.6, 672.9)
        assert (pages["2"]["p50_ms"], pages["2"]["p95_ms"]) == (None, None)
    async with api(log_database_url=f"postgresql://newar:x@127.0.0.1:{closed_port}/newar") as client:
        answer = (await client.get(PATH)).json()
        assert (answer["latency"], len(answer["pages"])) == ("down", 6)


async def test_one_page_has_its_limits_explained_and_its_runs(api: Callable[..., Api], redis: Redis) -> None:
    write_all_states(redis)
    async with api() as client:
        page = (await client.get(f"{PATH}/5")).json()
        assert (page["state"], page["backlog"], page["limits"]["because"]) == (
            "throttled",
            50,
            page["limits"]["because"],
        )
        assert [run["run_id"] for run in page["unfinished"]] == ["run 5"]
        assert page["more_unfinished"] == 0
        assert (await client.get(f"{PATH}/never")).status_code == 404
        assert (await client.get(f"{PATH}/{'9' * 3000}")).status_code == 404


ROWS = """
    INSERT INTO known_pages (page_id, name) VALUES ('7', 'Ana''s'), ('9', 'Never ran');
    INSERT INTO runs (run_id, page_id, source, state, queue_epoch, recipients, enqueued_at) VALUES
        ('lost', '7', 'source', 'active', 'gone', 10, now()),
        ('over', '7', 'source', 'finished', 'gone', 5, now()),
        ('over too', '8', 'source', 'finished', 'gone', 5, now()),
        ('refused', '10', 'source', 'refused', NULL, 0, NULL);
"""


async def test_after_redis_was_emptied_the_log_database_says_which_pages_had_runs(
    api: Callable[..., Api], redis: Redis, log_database_url: str
) -> None:
    with psycopg.connect(log_database_url) as connection:
        connection.execute(ROWS)
    async with api(log_database_url=log_database_url, admin_token=SECRET) as client:
        client.headers["Authorization"] = f"Bearer {SECRET}"
        write_page(redis, "1", left=10, ready=8)
        answer = (await client.get(PATH)).json()
        pages = {page["page_id"]: page for page in answer["pages"]}
        assert [page["page_id"] for page in answer["pages"]] == ["7", "1", "8"]
        assert (answer["total"], answer["steerable"], answer["states"]["unknown"], answer["log"]) == (3, 1, 2, "ok")
        lost = pages["7"]
        assert (lost["state"], lost["name"], lost["runs"]) == ("unknown", "Ana's", 1)
        unknown = {"text", "media", "backlog", "may_go", "waits", "oldest_s", "breaker", "paused", "paused_until"}
        assert {lost[name] for name in unknown} == {None}
        assert await ids(client, state="unknown", search="ana") == ["7"]
        page = (await client.get(f"{PATH}/7")).json()
        assert (page["state"], page["limits"], page["more_unfinished"]) == ("unknown", None, 0)
        assert [(run["run_id"], run["page_name"]) for run in page["unfinished"]] == [("lost", "Ana's")]
        for never in ("9", "10"):
            assert (await client.get(f"{PATH}/{never}")).status_code == 404
        shown = (await client.get("/admin/pages/7")).text
        assert "The queue does not know this page" in shown
        assert "/admin/act/page/" not in shown
        listed = (await client.get("/admin/pages")).text
        assert "the queue does not know: 2." in listed
        assert "choose-1" in listed
        assert "choose-7" not in listed
        question = (await client.get("/admin/act/pages/pause")).text
        assert "Pause 1 pages?" in question
        body = {"filter": {}, "expect": answer["steerable"]}
        assert (await client.post(f"{PATH}/pause", json=body)).json()["pages"] == 1
        metrics = (await client.get("/metrics")).text
        assert 'newar_page_backlog_messages{page="1"} 10' in metrics
        assert 'page="7"' not in metrics


async def test_names_and_pages_that_redis_lost_are_not_known_where_the_log_database_is_away(
    api: Callable[..., Api], redis: Redis, closed_port: int
) -> None:
    async with api(log_database_url=f"postgresql://newar:x@127.0.0.1:{closed_port}/newar") as client:
        answer = (await client.get(PATH)).json()
        assert (answer["pages"], answer["log"]) == ([], "down")
        assert "does not answer" in (await client.get("/admin/pages")).text


async def test_runs_keep_the_names_of_their_pages_when_redis_was_emptied(
    api: Callable[..., Api], redis: Redis, log_database_url: str
) -> None:
    with psycopg.connect(log_database_url) as connection:
        connection.execute(ROWS)
    async with api(log_database_url=log_database_url) as client:
        runs = (await client.get("/api/v1/runs")).json()["runs"]
        assert {run["run_id"]: run["page_name"] for run in runs} == {"lost": "Ana's", "over": "Ana's"} | dict.fromkeys(
            ("over too", "refused")
        )
        assert "Ana&#39;s" in (await client.get("/admin/runs")).text
