"""Who may see one page sees nothing of the others, on any route."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import psycopg
import pytest
from redis import Redis

from ops.access.caller import Role
from ops.access.users import Users
from ops.api.rest.endpoints import ENDPOINTS
from tests.integration.api.serving import Api
from tests.integration.api.test_log import log  # noqa: F401 - a fixture
from tests.unit.api.contents import write_failure, write_run

OURS, THEIRS = "7", "8080808"


@pytest.fixture
def contents(redis: Redis, log: str) -> str:  # noqa: F811
    """Two runs of two pages, with a failure, a log and a suppression each; `a b` is ours."""
    write_run(redis, "a b", page=OURS, left=5)
    write_run(redis, f"of {THEIRS}", page=THEIRS, left=5)
    for page in (OURS, THEIRS):
        write_failure(redis, page=page)
    with psycopg.connect(log) as connection:
        connection.execute("UPDATE message_logs SET page_id = %s WHERE recipient_id = '1'", [THEIRS])
        connection.execute("UPDATE message_logs SET run_id = 'a b'")
        connection.execute(
            "INSERT INTO suppressions (page_id, recipient_id, reason, by_whom, since) VALUES"
            " (%s, '1', 'denied', 'me', now()), (%s, '2', 'denied', 'me', now())",
            [OURS, THEIRS],
        )
    return log


ASKED = {
    "/api/v1/runs/<path:run_id>": "/api/v1/runs/of 8080808",
    "/api/v1/timeline/<path:run_id>": "/api/v1/timeline/of 8080808",
    "/api/v1/pages/<page_id>/limits": f"/api/v1/pages/{THEIRS}/limits",
    "/api/v1/pages/<page_id>": f"/api/v1/pages/{THEIRS}",
    "/api/v1/people/<psid>": "/api/v1/people/1",
    "/api/v1/jobs/<path:run_id>/<psid>": "/api/v1/jobs/of 8080808/1",
    "/api/v1/log": "/api/v1/log?recipient=1",
    "/api/v1/history": f"/api/v1/history?page={THEIRS}",
}
OTHERS = ["/metrics", "/api/v1/log?run=a b", f"/api/v1/suppressions?page={THEIRS}"]


async def test_no_route_tells_of_another_page(contents: str, users: Users, closed_api: Callable[..., Api]) -> None:
    key = await users.add_key("ours", Role.ADMIN, [OURS], "me@here")
    routes = [ASKED.get(endpoint.path, endpoint.path) for endpoint in ENDPOINTS]
    async with closed_api(log_database_url=contents) as client:
        for route in (*routes, *OTHERS):
            assert "<" not in route, f"say in ASKED what to ask of {route}"
            answer = await client.get(route, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code in (200, 400, 403, 404), route
            assert THEIRS not in answer.text.replace(f"page {THEIRS}", ""), route


async def test_what_is_theirs_is_shown(contents: str, users: Users, closed_api: Callable[..., Api]) -> None:
    key = await users.add_key("ours", Role.VIEWER, [OURS], "me@here")
    headers = {"Authorization": f"Bearer {key}"}
    async with closed_api(log_database_url=contents) as client:
        assert [run["run_id"] for run in (await client.get("/api/v1/runs", headers=headers)).json()["runs"]] == ["a b"]
        assert (await client.get("/api/v1/runs/a b", headers=headers)).status_code == 200
        failures = (await client.get("/api/v1/failures", headers=headers)).json()["failures"]
        assert [event["page_id"] for event in failures] == [OURS]
        rows = (await client.get("/api/v1/log?run=a b", headers=headers)).json()["rows"]
        assert {row["page_id"] for row in rows} == {OURS}
        listed = (await client.get("/api/v1/suppressions?limit=1", headers=headers)).json()
        assert [entry["page_id"] for entry in listed["suppressions"]] == [OURS]
        rest = await client.get("/api/v1/suppressions", params={"limit": 1, "after": listed["next"]}, headers=headers)
        assert rest.json() == {"suppressions": [], "next": None}, "a place in the list names whom it is behind"
        for route in ("/api/v1/overview", "/metrics", "/stats/queue"):
            answer = await client.get(route, headers=headers)
            assert (answer.status_code, "of all pages together" in answer.text) == (403, True)
        steering = await client.post(f"/api/v1/pages/{OURS}/pause", headers=headers, json={})
        assert (steering.status_code, "this needs the role operator" in steering.text) == (403, True)


@pytest.mark.parametrize("question", ["failures=1", "recipient=9"])
async def test_a_place_in_the_log_tells_of_no_other_page(
    contents: str, users: Users, closed_api: Callable[..., Api], question: str
) -> None:
    """Rows of other pages, one between two of theirs, neither shorten an answer nor stand in its `next`."""
    with psycopg.connect(contents) as connection:
        connection.execute(
            "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, sender_id, sent_at)"
            " SELECT gen_random_uuid(), 'x', CASE WHEN mod(n, 2) = 0 THEN %s ELSE %s END, '9', 1, 'failed', 's',"
            " now() - n * interval '1 s' FROM generate_series(1, 20) n",
            [OURS, THEIRS],
        )
        others = connection.execute("SELECT event_id::text FROM message_logs WHERE page_id = %s", [THEIRS]).fetchall()
    headers = {"Authorization": f"Bearer {await users.add_key('ours', Role.VIEWER, [OURS], 'me@here')}"}
    async with closed_api(log_database_url=contents) as client:
        answer = (await client.get(f"/api/v1/log?{question}&limit=3", headers=headers)).json()
        assert [row["page_id"] for row in answer["rows"]] == [OURS] * 3
        assert not [one for (one,) in others if one in answer["next"]]
        page = (await client.get(f"/api/v1/people/9?after={answer['next']}", headers=headers)).json()
        assert {row["page_id"] for row in page["attempts"]} == {OURS}
        assert (await client.get("/api/v1/log?run=x", headers=headers)).json() == {"rows": [], "next": None}
        assert (await client.get(f"/api/v1/log?page={THEIRS}", headers=headers)).json() == {"rows": [], "next": None}


async def test_a_check_of_another_pages_run_sounds_like_one_of_none(
    contents: str, users: Users, closed_api: Callable[..., Api]
) -> None:
    with psycopg.connect(contents) as connection:
        connection.execute(
            "INSERT INTO submitted_runs (run_id, page_id, message, parent_run_id) VALUES"
            """ ('theirs', %s, '{"text": "Hi"}', NULL), ('again', %s, '{"text": "Hi"}', 'theirs')""",
            [THEIRS, THEIRS],
        )
    headers = {"Authorization": f"Bearer {await users.add_key('ours', Role.VIEWER, [OURS], 'me@here')}"}
    async with closed_api(log_database_url=contents) as client:
        told = {}
        for run_id in ("theirs", "again", "nobodys"):
            answer = await client.post("/api/v1/runs?check=1", json={"run_id": run_id}, headers=headers)
            assert answer.status_code == 404, answer.text
            told[answer.text.replace(run_id, "RUN")] = run_id
    assert len(told) == 1


async def test_who_may_steer_one_page_steers_no_other(
    contents: str, users: Users, closed_api: Callable[..., Api]
) -> None:
    key = await users.add_key("ours", Role.OPERATOR, [OURS], "me@here")
    headers = {"Authorization": f"Bearer {key}"}
    async with closed_api(log_database_url=contents) as client:
        assert (await client.post(f"/api/v1/pages/{OURS}/pause", headers=headers, json={})).status_code == 200
        for route in (f"/api/v1/pages/{THEIRS}/pause", f"/api/v1/runs/of {THEIRS}/cancel", "/api/v1/pause"):
            assert (await client.post(route, headers=headers, json={})).status_code in (403, 404)


LOOKED_AT = [
    *("", "/runs", "/pages", "/log?recipient=1", "/log?run=a b", "/suppressions", "/audit", "/audit?target=of 8080808"),
    *(f"/runs/of {THEIRS}", f"/pages/{THEIRS}", "/people/1", f"/jobs/of {THEIRS}/1", f"/find?q={THEIRS}", "/find?q=of"),
    *(f"/act/run/{act}/of {THEIRS}" for act in ("message", "failures", "cancel", "extend", "retry", "recover", "test")),
    *(f"/act/page/pause/{THEIRS}", f"/act/pages/pause?search={THEIRS}", "/users", "/submit"),
]


async def test_no_page_of_the_cockpit_tells_of_another_page(
    contents: str, users: Users, closed_api: Callable[..., Api]
) -> None:
    key = await users.add_key("ours", Role.ADMIN, [OURS], "me@here")
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/html"}
    async with closed_api(log_database_url=contents) as client:
        for path in LOOKED_AT:
            answer = await client.get(f"/admin{path}", headers=headers)
            assert answer.status_code in (200, 302, 303, 400, 403, 404), (path, answer.status_code)
            asked = re.split("[/=]", path)[-2 if path.endswith("/1") else -1]
            text = answer.text.replace(f"page {THEIRS}", "")
            for echo in {asked, quote(asked), quote_plus(asked)} if THEIRS in asked else set():
                text = text.replace(echo, "")
            assert THEIRS not in text, path
        start = (await client.get("/admin", headers=headers)).text
        assert ("/admin/runs/a%20b" in start, f"of {THEIRS}" in start) == (True, False)
