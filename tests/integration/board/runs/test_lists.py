"""Lists of runs: in pages, filtered, newest first, and read by their indexes; and who could not be asked."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from redis import Redis as Admin
from redis.asyncio import Redis

from ops.board.runs.run_book import _ROWS
from ops.board.runs.wanted_runs import WantedRuns, wanted_runs
from ops.board.suppressions import BadFilter
from schema.keys import key
from schema.runtime.redis import open_redis
from tests.integration.listed_runs import listed
from tests.unit.api.contents import now_ms, process, publish, sender, write_run

MANY = """
    INSERT INTO runs (run_id, page_id, source, state, recipients, outcomes, ended_as, taken_at, enqueued_at)
    SELECT 'run-' || n, (n %% 7)::text, 'source', CASE WHEN n %% 10 = 0 THEN 'refused' ELSE 'finished' END, 1,
        '{"sent": 1}',
        CASE WHEN n %% 10 = 0 THEN NULL WHEN n %% 10 = 1 THEN 'cancelled' ELSE 'complete' END,
        '2026-01-01Z'::timestamptz + (n / 3) * interval '1 minute', now()
    FROM generate_series(1, %s) n
"""


@pytest.fixture
def filled(log_database_url: str) -> str:
    """A registry with 300 runs that have ended, some of them taken at the same moment."""
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        connection.execute(MANY.encode(), (300,))
    return log_database_url


async def all_of(url: str, redis: Redis, limit: int, **wanted: Any) -> list[list[str]]:
    pages, after = list[list[str]](), None
    while after is not None or not pages:
        answer = await listed(url, redis, limit, **wanted, after=after)
        assert (answer.history, answer.queue) == ("ok", "ok")
        pages.append([run.run_id for run in answer.runs])
        after = answer.next
    return pages


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({}, 300),
        ({"page": "3"}, 43),
        ({"status": "cancelled"}, 30),
        ({"status": "refused"}, 30),
        ({"status": "finished"}, 240),
        ({"status": "finished", "page": "3", "search": "run-1"}, 13),
        ({"status": "sending"}, 0),
        ({"status": "scheduled"}, 0),
        ({"search": "run-29"}, 11),
        ({"search": "nothing"}, 0),
        ({"search": "%"}, 0),
        ({"pages": ["1", "2"]}, 86),
        ({"pages": ["1", "2"], "page": "3"}, 0),
        ({"pages": []}, 0),
    ],
)
async def test_pages_of_a_list_are_full_and_bring_each_run_once(
    filled: str, redis: Redis, wanted: dict[str, Any], count: int
) -> None:
    pages = await all_of(filled, redis, 40, **wanted)
    found = [run_id for page in pages for run_id in page]
    assert len(found) == len(set(found)) == count
    assert all(len(page) == 40 for page in pages[:-1])


async def test_newest_come_first(filled: str, redis: Redis) -> None:
    newest = (await listed(filled, redis, 5)).runs
    moments = [run.taken_at for run in newest if run.taken_at]
    assert moments == sorted(moments, reverse=True)
    assert newest[0].run_id == "run-300"


async def test_status_that_only_the_queue_knows_is_looked_for_in_page_after_page(
    filled: str, redis: Redis, redis_url: str
) -> None:
    with psycopg.connect(filled, autocommit=True) as connection, Admin.from_url(redis_url) as admin:
        connection.execute("UPDATE runs SET state = 'active', ended_as = NULL WHERE state = 'finished'")
        publish(admin, process(sender=sender(), at_ms=now_ms() + 3_600_000))  # alive for all of this test
        for number in (number for number in range(1, 301) if number % 10):
            write_run(admin, f"run-{number}", left=1, held_by="source" if number in (288, 294, 299) else None)
            admin.rpush(key(f"jobs:run-{number}"), "x")
    pages = await all_of(filled, redis, 2, status="waiting")
    assert [run_id for page in pages for run_id in page] == ["run-299", "run-294", "run-288"]
    assert len(pages) < 15  # one looks at many runs
    assert len((await listed(filled, redis, 100, status="sending")).runs) == 100


async def test_run_that_the_registry_does_not_know_is_listed_first(filled: str, redis: Redis, redis_url: str) -> None:
    with Admin.from_url(redis_url) as admin:
        write_run(admin, "stranger", page="3", left=5)
        write_run(admin, "run-7", page="0", left=5)
    answer = await listed(filled, redis, 10)
    assert answer.runs[0].run_id == "stranger"
    assert "run-7" not in [run.run_id for run in answer.runs]  # the registry has it, further down
    assert (await listed(filled, redis, 10, page="4")).runs[0].run_id != "stranger"
    assert "stranger" not in [run.run_id for run in (await listed(filled, redis, 10, after=answer.next)).runs]


async def test_without_redis_the_registrys_word_is_listed_and_said_to_be_all(filled: str, asyncio_loop: Any) -> None:
    answer = await listed(filled, open_redis("redis://127.0.0.1:1"), 10)
    assert (answer.history, answer.queue, len(answer.runs)) == ("ok", "down", 10)
    with psycopg.connect(filled, autocommit=True) as connection:
        connection.execute("UPDATE runs SET state = 'active', ended_as = NULL WHERE run_id = 'run-299'")
    [unknown] = (await listed(filled, open_redis("redis://127.0.0.1:1"), 10, status="unknown")).runs
    assert (unknown.run_id, unknown.outcomes, unknown.may_go) == ("run-299", None, None)


async def test_without_the_log_database_the_queues_newest_are_listed(redis: Redis, redis_url: str) -> None:
    with Admin.from_url(redis_url) as admin:
        write_run(admin, "here", left=5)
    answer = await listed("postgresql://newar@127.0.0.1:1/newar", redis, 10)
    assert (answer.history, answer.queue, [run.run_id for run in answer.runs]) == ("down", "ok", ["here"])
    assert (answer.runs[0].logged, answer.runs[0].reason) == (None, None)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (WantedRuns(), "runs_listed|runs_taken"),
        (wanted_runs(search="run-12"), "runs_by_id|runs_listed|runs_taken"),
        (wanted_runs(status="cancelled"), "runs_listed_as"),
        (WantedRuns(pages=["3"]), "runs_listed_of_page"),
    ],
)
def test_lists_are_read_by_an_index(log_database_url: str, wanted: WantedRuns, index: str) -> None:
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        connection.execute(MANY.replace("n %% 10", "n %% 1000").replace("n %% 7", "n %% 200").encode(), (20_000,))
        connection.execute("ANALYZE runs")
        rows = connection.execute(b"EXPLAIN " + _ROWS.encode(), wanted.params(101)).fetchall()
    plan = "\n".join(line for (line,) in rows)
    assert any(name in plan for name in index.split("|")), plan
    assert "Seq Scan on runs" not in plan


@pytest.mark.parametrize(
    "wanted",
    [
        {"status": "active"},
        {"after": "x"},
        {"after": "bnVsbA"},
        {"after": "Ww"},
        {"after": "WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwgIngiXQ"},
        {"search": "\0"},
        {"page": "x" * 501},
    ],
)
def test_what_cannot_be_asked_is_refused(wanted: dict[str, str]) -> None:
    with pytest.raises(BadFilter):
        wanted_runs(**wanted)
