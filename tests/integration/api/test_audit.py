"""`/api/v1/audit`: what people did, wherever it stands."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable

import pytest
from redis import Redis

from ops.access.caller import Role
from ops.access.users import Users
from schema.keys import key
from tests.integration.api.serving import SECRET, Api
from tests.integration.commands.servers import sql
from tests.unit.api.contents import write_run

PATH = "/api/v1/audit"


@pytest.fixture
def trail(redis: Redis, log_database_url: str) -> str:
    """Nine acts: five in the log database, of which one was carried from Redis, and five in Redis, that one too."""
    now_ms = int(time.time() * 1000)
    for number in range(5):
        fields = {"who": f"maria@h{number}", "what": "run pause", "target": f"r{number}", "detail": "", "at_ms": now_ms}
        redis.xadd(key("audit"), fields, f"{now_ms}-{number}")  # type: ignore[arg-type]
    sql(
        log_database_url,
        "INSERT INTO audit (at, who, what, target, queue_epoch, stream_id)"
        " SELECT to_timestamp(%s / 1000.0), 'maria@h0', 'run pause', 'r0', 'e', %s",
        *(now_ms, f"{now_ms}-0"),
    )
    sql(
        log_database_url,
        "INSERT INTO audit (at, who, what, target, detail)"
        " SELECT to_timestamp(%s / 1000.0), 'bob', 'page pause', '=1+1', E'a\\nb' FROM generate_series(1, 4)",
        now_ms,
    )
    return log_database_url


async def test_every_act_comes_once_page_by_page(api: Callable[..., Api], trail: str) -> None:
    found, after = [], None
    async with api(log_database_url=trail) as client:
        while True:
            params = {"limit": "2"} | ({"after": after} if after else {})
            answer = (await client.get(PATH, params=params)).json()
            found += answer["acts"]
            after = answer["next"]
            if after is None:
                break
        assert answer["missing"] == []
        assert answer["waiting"] == 5
    assert [act["target"] for act in found] == ["r4", "r3", "r2", "r1", "r0", "=1+1", "=1+1", "=1+1", "=1+1"]
    assert [act["waiting"] for act in found] == [True] * 4 + [False] * 5


async def test_a_page_that_was_carried_meanwhile_comes_neither_twice_nor_never(
    api: Callable[..., Api], redis: Redis, trail: str
) -> None:
    async with api(log_database_url=trail) as client:
        first = (await client.get(PATH, params={"limit": "3"})).json()
        sql(
            trail,
            "INSERT INTO audit (at, who, what, target, queue_epoch, stream_id)"
            " SELECT at, 'maria', 'run pause', 'r' || n, 'e', split_part(stream_id, '-', 1) || '-' || n"
            " FROM audit, generate_series(1, 4) n WHERE stream_id IS NOT NULL",
        )
        redis.delete(key("audit"))
        rest = (await client.get(PATH, params={"after": first["next"]})).json()
    assert [act["target"] for act in first["acts"] + rest["acts"]] == ["r4", "r3", "r2", "r1", "r0", *4 * ["=1+1"]]


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"who": "maria"}, 5),
        ({"who": "maria@h0"}, 1),
        ({"what": "run"}, 5),
        ({"what": "page pause"}, 4),
        ({"target": "r2"}, 1),
        ({"since": "2020-01-01T00:00:00Z"}, 9),
        ({"until": "2020-01-01T00:00:00Z"}, 0),
        ({"since": "0001-01-01T00:00:00+14:00", "until": "9999-12-31T23:59:59.999999-12:00"}, 9),
        ({"who": "nobody's'; DROP TABLE audit"}, 0),
    ],
)
async def test_filters_choose_in_both_places(
    api: Callable[..., Api], trail: str, params: dict[str, str], count: int
) -> None:
    async with api(log_database_url=trail) as client:
        assert len((await client.get(PATH, params=params)).json()["acts"]) == count


@pytest.mark.parametrize("by", ["header", "parameter"])
async def test_all_of_it_is_a_table_that_no_spreadsheet_runs(api: Callable[..., Api], trail: str, by: str) -> None:
    async with api(log_database_url=trail) as client:
        if by == "header":
            answer = await client.get(PATH, headers={"Accept": "text/csv"})
        else:
            answer = await client.get(PATH, params={"format": "csv", "who": "bob"})
        json = await client.get(PATH, headers={"Accept": "*/*"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert json.headers["Content-Type"] == "application/json"
    heading, *rows = csv.reader(io.StringIO(answer.text, newline=""))
    assert heading == ["at", "who", "what", "target", "detail"]
    assert len(rows) == (9 if by == "header" else 4)
    assert rows[-1][1:] == ["bob", "page pause", "'=1+1", "a\N{REPLACEMENT CHARACTER}b"]


async def test_it_says_what_it_lacks(api: Callable[..., Api], redis: Redis, trail: str, closed_port: int) -> None:
    away = f"postgresql://newar:{SECRET}@127.0.0.1:{closed_port}/newar"
    async with api(log_database_url=away) as client:
        answer = (await client.get(PATH)).json()
        table = (await client.get(PATH, params={"format": "csv"})).text
    assert len(answer["acts"]) == 5
    assert "the log database" in answer["missing"][0]
    assert "not complete: the log database" in table
    assert SECRET not in str(answer) + table
    async with api(log_database_url=trail, redis_url=f"redis://127.0.0.1:{closed_port}") as client:
        answer = (await client.get(PATH)).json()
    assert (len(answer["acts"]), answer["waiting"]) == (5, None)


@pytest.fixture
def of_two_pages(redis: Redis, log_database_url: str) -> str:
    """Acts on page 7, on its runs (`a`, in the queue, and `b`) and on what only bears their names; and on page 8."""
    write_run(redis, "a", page="7", left=5)
    write_run(redis, "other", page="8", left=5)
    now_ms = int(time.time() * 1000)
    for number, (what, target) in enumerate([("run pause", "a"), ("run pause", "other"), ("page pause", "8")]):
        fields = {"who": "maria@h", "what": what, "target": target, "detail": "waits", "at_ms": now_ms}
        redis.xadd(key("audit"), fields, f"{now_ms}-{number}")  # type: ignore[arg-type]
    sql(
        log_database_url,
        "INSERT INTO runs (run_id, page_id, source, state) VALUES"
        " ('b', '7', 'source', 'finished'), ('8', '7', 'source', 'finished'), ('7', '8', 'source', 'finished')",
    )
    for what, target in (
        *(("run cancel", "b"), ("run cancel", "8"), ("page pause", "7"), ("limits set", "7"), ("suppression add", "7")),
        *(("run cancel", "7"), ("page pause", "8"), ("user add", "7"), ("user add", "b"), ("run cancel", "gone")),
        *(("limits reset", "app"), ("pause --all", "all pages"), ("log redrive", "7")),
    ):
        statement = "INSERT INTO audit (who, what, target, detail) VALUES ('bob@h', %s, %s, 'one of 204 pages')"
        sql(log_database_url, statement, what, target)
    return log_database_url


OURS = [
    *[("limits set", "7"), ("page pause", "7"), ("run cancel", "8"), ("run cancel", "b"), ("run pause", "a")],
    ("suppression add", "7"),
]


async def test_who_may_see_some_pages_sees_what_was_done_to_these(
    of_two_pages: str, users: Users, closed_api: Callable[..., Api]
) -> None:
    headers = {"Authorization": f"Bearer {await users.add_key('ours', Role.ADMIN, ['7'], 'me@here')}"}
    async with closed_api(log_database_url=of_two_pages) as client:
        answer = (await client.get(PATH, headers=headers)).json()
        table = await client.get(PATH, params={"format": "csv"}, headers=headers)
        step = (await client.get(PATH, params={"limit": "4"}, headers=headers)).json()
        rest = (await client.get(PATH, params={"after": step["next"]}, headers=headers)).json()
        page = await client.get("/admin/audit", headers=headers | {"Accept": "text/html"})
        named = (await client.get(PATH, params={"target": "7"}, headers=headers)).json()
    assert sorted((act["what"], act["target"]) for act in answer["acts"]) == OURS
    assert (answer["waiting"], answer["next"], answer["missing"]) == (None, None, [])
    assert "204" not in str(answer) + table.text + page.text, "how many pages others have"
    assert len(list(csv.reader(io.StringIO(table.text)))) == 1 + len(OURS)
    assert (len(step["acts"]), len(rest["acts"]), rest["next"]) == (4, 2, None)
    assert sorted(act["what"] for act in named["acts"]) == ["limits set", "page pause", "suppression add"]
    assert page.text.count("one of several pages") == 5


async def test_who_may_see_no_page_sees_no_act(of_two_pages: str, users: Users, closed_api: Callable[..., Api]) -> None:
    headers = {"Authorization": f"Bearer {await users.add_key('none', Role.ADMIN, ['9'], 'me@here')}"}
    async with closed_api(log_database_url=of_two_pages) as client:
        assert (await client.get(PATH, headers=headers)).json()["acts"] == []


async def test_a_run_that_bears_a_users_name_shows_acts_on_the_run_alone(
    of_two_pages: str, api: Callable[..., Api]
) -> None:
    async with api(log_database_url=of_two_pages) as client:
        page = (await client.get("/admin/runs/b", headers={"Accept": "text/html"})).text
    assert ("cancelled" in page, "user add" in page) == (True, False)
