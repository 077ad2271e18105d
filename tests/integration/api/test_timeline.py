"""`/api/v1/timeline/RUN`: what held a run, as the log database and Redis know it, and the queue now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from ops.access.caller import Role
from ops.access.users import Users
from schema.keys import key
from tests.integration.api.serving import SECRET, Api
from tests.integration.commands.servers import sql
from tests.unit.api.contents import now_ms, write_run

RUN, PAGE = "spring/2026", "7"
HOSTILE = "<script>alert(1)</script>\u202egnp"
MINUTE_MS = 60_000


@pytest.fixture
def run(log_database_url: str, redis: Redis) -> str:
    """A run that was taken an hour ago, and what has happened: in the log, a page's breaker and a person's pause."""
    sql(
        log_database_url,
        "INSERT INTO runs (run_id, page_id, source, state, taken_at)"
        " VALUES (%s, %s, 'source', 'active', now() - interval '1 hour')",
        *(RUN, PAGE),
    )
    write_run(redis, RUN, page=PAGE, left=5)
    logged(log_database_url, "rule dead-token", "page breaker open", PAGE, 90, by_person=False)
    logged(log_database_url, "rule dead-token", "page breaker close", PAGE, 50, by_person=False)
    logged(log_database_url, "ana@h", "pause --all", "all pages", 40, detail=HOSTILE)
    logged(log_database_url, "bob@h", "resume --all", "all pages", 30)
    logged(log_database_url, "ana@h", "page pause", "another page", 30)
    return log_database_url


def logged(
    url: str, who: str, what: str, target: str, minutes_ago: float, *, detail: str = "", by_person: bool = True
) -> None:
    sql(
        url,
        "INSERT INTO audit (at, who, what, target, detail, by_person)"
        " VALUES (now() - make_interval(secs => %s), %s, %s, %s, %s, %s)",
        *(60 * minutes_ago, who, what, target, detail, by_person),
    )


def waits(redis: Redis, who: str, what: str, target: str, minutes_ago: int) -> None:
    """It is not in the log database yet."""
    at_ms = now_ms() - minutes_ago * MINUTE_MS
    redis.xadd(key("happenings"), {"who": who, "what": what, "target": target, "detail": "", "at_ms": at_ms})


def told(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(e["what"], e["who"], e["ended_by"], e["until"] is not None, e["now"]) for e in answer["entries"]]


async def test_what_held_it_is_told_from_when_until_when(api: Callable[..., Api], run: str, redis: Redis) -> None:
    waits(redis, "rule x", "page pause", PAGE, 10)
    redis.hset(key(f"page:{PAGE}"), "paused_until_ms", now_ms() + 90_000)
    async with api(log_database_url=run) as client:
        answer = (await client.get(f"/api/v1/timeline/{RUN}")).json()
    breaker, taken, everything, paused, senders = told(answer)
    assert breaker == ("breaker", "rule dead-token", "rule dead-token", True, False)
    assert taken[0] == "taken"
    assert everything == ("app_paused", "ana@h", "bob@h", True, False)
    assert paused == ("page_paused", "rule x", "", False, True)
    assert senders == ("no_sender", "", "", False, True)
    assert (answer["more"], answer["missing"], answer["entries"][-1]["at"]) == (0, [], None)


async def test_what_is_carried_comes_once_and_what_ended_holds_no_more(
    api: Callable[..., Api], run: str, redis: Redis
) -> None:
    waits(redis, "rule x", "page pause", PAGE, 10)
    entries: Any = redis.xrange(key("happenings"))
    ((entry, fields),) = entries
    sql(
        run,
        "INSERT INTO audit (at, who, what, target, by_person, queue_epoch, stream_id)"
        " VALUES (to_timestamp(%s / 1000.0), 'rule x', 'page pause', %s, false, 'e', %s)",
        *(int(fields[b"at_ms"]), PAGE, "h" + entry.decode()),
    )
    async with api(log_database_url=run) as client:
        found = [e for e in told((await client.get(f"/api/v1/timeline/{RUN}")).json()) if e[0] == "page_paused"]
    assert found == [("page_paused", "rule x", "", False, False)]  # Redis was emptied since: nobody noted its end


async def test_a_finished_runs_timeline_ends_with_it(api: Callable[..., Api], run: str, redis: Redis) -> None:
    redis.flushdb()
    sql(run, "UPDATE runs SET state = 'finished', finished_at = now() - interval '35 min', outcomes = '{}'")
    async with api(log_database_url=run) as client:
        answer = (await client.get(f"/api/v1/timeline/{RUN}")).json()
    assert [e["what"] for e in answer["entries"]] == ["breaker", "taken", "app_paused", "ended"]
    assert answer["entries"][2]["until"] == answer["entries"][3]["at"]


async def test_its_own_hours_are_worked_out(api: Callable[..., Api], run: str) -> None:
    logged(run, "source", "run hours", RUN, 60, detail="00:00-00:01 in UTC", by_person=False)
    async with api(log_database_url=run) as client:
        answer = (await client.get(f"/api/v1/timeline/{RUN}")).json()
    windows = [entry for entry in answer["entries"] if entry["what"] == "window"]
    assert 1 <= len(windows) <= 2
    assert windows[-1]["until"].endswith("T00:00:00Z") or windows[-1]["until"].endswith("T00:00:00+00:00")
    assert windows[-1]["detail"] == "00:00-00:01 in UTC"


async def test_of_many_the_newest_are_listed_and_the_others_counted(api: Callable[..., Api], run: str) -> None:
    sql(
        run,
        "INSERT INTO audit (at, who, what, target) SELECT now() - n * interval '1 second', 'ana', 'limits set', %s"
        " FROM generate_series(1, 300) AS n",
        PAGE,
    )
    async with api(log_database_url=run) as client:
        few = (await client.get(f"/api/v1/timeline/{RUN}")).json()
    assert (len(few["entries"]), few["more"], few["missing"]) == (200, 104, [])
    sql(
        run,
        "INSERT INTO audit (at, who, what, target) SELECT now() - n * interval '1 second', 'ana', 'limits set', %s"
        " FROM generate_series(1, 900) AS n",
        PAGE,
    )
    async with api(log_database_url=run) as client:
        (said,) = (await client.get(f"/api/v1/timeline/{RUN}")).json()["missing"]
    assert "not all was read" in said


async def test_without_its_log_database_or_its_redis_it_says_what_it_lacks(
    api: Callable[..., Api], run: str, redis: Redis
) -> None:
    waits(redis, "rule x", "page pause", PAGE, 10)
    for url in (None, "postgresql://nobody@127.0.0.1:1/x"):
        async with api(log_database_url=url) as client:
            answer = (await client.get(f"/api/v1/timeline/{RUN}")).json()
        assert "page_paused" in [e["what"] for e in answer["entries"]]
        assert len(answer["missing"]) == 1
    async with api(log_database_url=run, redis_url="redis://127.0.0.1:1/0") as client:
        answer = (await client.get(f"/api/v1/timeline/{RUN}")).json()
    assert [e["what"] for e in answer["entries"]] == ["breaker", "taken", "app_paused"]
    assert answer["missing"] != []


async def test_many_who_look_cost_one_reading(closed_api: Callable[..., Api], users: Users, run: str) -> None:
    headers = {"Authorization": f"Bearer {await users.add_key('ops', Role.OPERATOR, None, 'me@here')}"}
    async with closed_api(log_database_url=run) as client:
        before = (await client.get(f"/api/v1/timeline/{RUN}", headers=headers)).json()
        logged(run, "ana@h", "limits set", PAGE, 1)
        assert (await client.get(f"/api/v1/timeline/{RUN}", headers=headers)).json() == before


@pytest.mark.parametrize("pages", [["8"], [PAGE]])
async def test_who_may_see_some_pages_sees_their_runs_timelines(
    closed_api: Callable[..., Api], users: Users, run: str, pages: list[str]
) -> None:
    headers = {"Authorization": f"Bearer {await users.add_key('some', Role.VIEWER, pages, 'me@here')}"}
    async with closed_api(log_database_url=run) as client:
        answer = await client.get(f"/api/v1/timeline/{RUN}", headers=headers)
    assert answer.status_code == (200 if pages == [PAGE] else 404)
    assert ("ana@h" in answer.text) is (pages == [PAGE])


async def test_nobody_knows_a_run_that_nobody_knows(api: Callable[..., Api], run: str) -> None:
    async with api(log_database_url=run) as client:
        assert (await client.get("/api/v1/timeline/nobody's")).status_code == 404
        assert (await client.get("/api/v1/timeline/a%00b")).status_code == 404


async def test_the_audit_lists_peoples_acts_unless_it_is_asked_for_others(api: Callable[..., Api], run: str) -> None:
    async with api(log_database_url=run, admin_token=SECRET) as client:
        client.headers["Authorization"] = f"Bearer {SECRET}"
        found = {
            by: [act["what"] for act in (await client.get("/api/v1/audit", params={"by": by})).json()["acts"]]
            for by in ("", "people", "rules", "all")
        }
        wrong = await client.get("/api/v1/audit", params={"by": "nobody"})
        page = (await client.get("/admin/audit", params={"by": "rules"})).text
    assert found[""] == found["people"] == ["page pause", "resume --all", "pause --all"]
    assert found["rules"] == ["page breaker close", "page breaker open"]
    assert len(found["all"]) == 5
    assert (wrong.status_code, "people, rules, all" in wrong.text) == (400, True)
    assert "rule dead-token" in page
    assert "bob@h" not in page


async def test_the_runs_page_shows_it_and_makes_nothing_of_hostile_text(api: Callable[..., Api], run: str) -> None:
    async with api(log_database_url=run) as client:
        text = (await client.get(f"/admin/runs/{RUN}")).text
    assert "<script>alert" not in text
    assert "U+202E" in text
    assert "the page&#39;s breaker is open" in text
    assert "ended by" in text
