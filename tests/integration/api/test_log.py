"""`/api/v1/log`, and what a run's answer says of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import pytest
from redis import Redis

from tests.integration.api.serving import SECRET, Api
from tests.integration.log_figures import count_again
from tests.integration.runs.by_hand.world import make_partitions
from tests.unit.api.contents import write_run

PATH = "/api/v1/log"


@pytest.fixture
def log(log_database_url: str) -> str:
    asyncio.run(make_partitions(log_database_url))
    with psycopg.connect(log_database_url) as connection:
        connection.execute(
            "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class,"
            " error_code, sender_id, sent_at) SELECT gen_random_uuid(), 'a b', '7', n::text, 1, outcome, class, code,"
            " 's', now() FROM generate_series(1, 9) n JOIN (VALUES (0, 'sent', NULL, NULL::int),"
            " (1, 'failed', 'recipient_permanent', 551), (2, 'unknown', 'ambiguous', NULL))"
            " kinds (kind, outcome, class, code) ON kind = n % 3"
        )
        count_again(connection)
    return log_database_url


async def test_rows_are_answered_page_by_page(api: Callable[..., Api], log: str) -> None:
    async with api(log_database_url=log) as client:
        found, after = [], None
        for _ in range(3):
            params = {"run": "a b", "failures": "1", "limit": "2"} | ({"after": after} if after else {})
            answer = (await client.get(PATH, params=params)).json()
            found += answer["rows"]
            after = answer["next"]
        assert after is None
        assert sorted(row["recipient_id"] for row in found) == ["1", "2", "4", "5", "7", "8"]
        assert {row["outcome"] for row in found} == {"failed", "unknown"}
        assert all(row["sent_at"].endswith("Z") for row in found)
        rows = (await client.get(PATH, params={"recipient": "4"})).json()["rows"]
        assert [(row["run_id"], row["error_code"]) for row in rows] == [("a b", 551)]


@pytest.mark.parametrize("kind", ["page=7", "run=a b", "failures=1", "recipient=1", "failures=1&code=551"])
async def test_the_ends_of_time_are_moments_too(api: Callable[..., Api], log: str, kind: str) -> None:
    times = "from=0001-01-01T00:00:00%2B14:00&to=9999-12-31T23:59:59.999999-12:00"
    async with api(log_database_url=log) as client:
        answer = await client.get(f"{PATH}?{kind}&{times}")
        assert (answer.status_code, bool(answer.json()["rows"])) == (200, True)
        place = "0001-01-01T00:00:00+14:00_00000000-0000-0000-0000-000000000000"
        answer = await client.get(f"{PATH}?{kind}&after={place.replace('+', '%2B')}")
        assert (answer.status_code, answer.json()) == (200, {"rows": [], "next": None})


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("", "no index answers this: ask for one of recipient [run, page]; message;"),
        ("?page=7&outcome=failed", "no index answers this"),
        ("?run=", "run is empty"),
        ("?run=%00", "run holds a NUL character"),
        ("?run=a&outcom=sent", "outcom: no parameter of this; there are after, class, code,"),
        ("?run=a&run=b", "run: give it once"),
        ("?run=a&outcome=Sent", "outcome must be one of sent,"),
        ("?page=7&from=2026-11-22T09:30:00+07:00", "+ is written %2B"),
        ("?page=7&after=x", "after must be the `next` of a former answer"),
        ("?page=7&limit=1001", "limit must be a whole number from 1 to 1000"),
        ("?failures=1&code=99999999999", "code must be a whole number from 0 to 2147483647"),
    ],
)
async def test_what_cannot_be_asked_is_said_with_what_can(
    api: Callable[..., Api], log: str, params: str, said: str
) -> None:
    async with api(log_database_url=log) as client:
        response = await client.get(PATH + params)
    assert (response.status_code, response.headers["Content-Type"]) == (400, "application/problem+json")
    assert said in response.json()["detail"]


async def test_a_log_that_cannot_be_asked_is_said(api: Callable[..., Api], closed_port: int) -> None:
    async with api() as client:
        assert (await client.get(PATH, params={"page": "7"})).status_code == 404
    async with api(log_database_url=f"postgresql://newar:{SECRET}@127.0.0.1:{closed_port}/newar") as client:
        response = await client.get(PATH, params={"page": "7"})
    assert response.status_code == 503
    assert SECRET not in response.text


async def test_what_the_log_does_not_know_is_unknown_and_not_nothing(
    redis: Redis, api: Callable[..., Api], log: str
) -> None:
    write_run(redis, "a b", left=5)
    write_run(redis, "not logged", left=5, recipients=9)
    async with api(log_database_url=log) as client:
        known = (await client.get("/api/v1/runs/a b")).json()
        other = (await client.get("/api/v1/runs/not logged")).json()
    assert (known["log"], known["logged"]) == ("ok", 9)
    assert [(m["outcome"], m["recipients"], len(m["examples"])) for m in known["not_reached"]] == [
        ("failed", 3, 3),
        ("unknown", 3, 3),
    ]
    assert other["recipients"] > other["left"]
    assert (other["log"], other["logged"], other["not_reached"]) == ("unknown", None, [])


async def test_figures_are_told_when_the_rows_are_gone(redis: Redis, api: Callable[..., Api], log: str) -> None:
    write_run(redis, "a b", left=5)
    with psycopg.connect(log) as connection:
        connection.execute("DELETE FROM message_logs")
    async with api(log_database_url=log) as client:
        run = (await client.get("/api/v1/runs/a b")).json()
    assert (run["log"], run["logged"]) == ("ok", 9)
    assert [(m["outcome"], m["recipients"], m["examples"]) for m in run["not_reached"]] == [
        ("failed", 3, []),
        ("unknown", 3, []),
    ]
