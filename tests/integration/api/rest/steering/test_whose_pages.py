"""Who may steer one page does nothing to another's, by any route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from ops.access.caller import Role
from ops.access.users import Users
from ops.api.rest.steering.act_routes import ACT_ROUTES
from schema.keys import key
from tests.integration.api.rest.steering.steerers import trail
from tests.integration.api.serving import Api
from tests.integration.commands.servers import sql
from tests.unit.api.contents import write_run

OURS, THEIRS = "7", "8"
SOMEBODY = ["7000000000000001"]
BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/runs/<path:run_id>/extend": {"by_s": 60},
    "/api/v1/runs/<path:run_id>/test": {"to": "9"},
    "/api/v1/pages/<page_id>/breaker": {"state": "open"},
    "/api/v1/pages/<page_id>/limits": {"per_second": 1},
    "/api/v1/pages/pause": {"pages": [OURS, THEIRS]},
    "/api/v1/pages/resume": {"pages": [OURS, THEIRS]},
    "/api/v1/pages/breaker": {"pages": [OURS, THEIRS], "state": "open"},
    "/api/v1/pages/limits": {"pages": [OURS, THEIRS], "per_second": 1},
    "/api/v1/pages/limits/reset": {"pages": [OURS, THEIRS]},
    "/api/v1/dead-letters/redrive": {"expect": 1},
    "/api/v1/suppressions": {"page_id": THEIRS, "people": SOMEBODY},
    "/api/v1/suppressions/lift": {"page_id": THEIRS, "people": SOMEBODY},
}
RUN = {"page_id": THEIRS, "message": {"text": "Hi"}}


@pytest.mark.parametrize("run_id", ["queued", "registered", "submitted"])
async def test_nothing_of_another_page_can_be_steered(
    redis: Redis, log_database_url: str, users: Users, closed_api: Callable[..., Api], run_id: str
) -> None:
    write_run(redis, "queued", page=THEIRS, left=3)
    redis.sadd(key("pages"), OURS, THEIRS)
    sql(
        log_database_url,
        "INSERT INTO runs (run_id, page_id, source, state) VALUES ('registered', '8', 'source', 'active')",
    )
    sql(log_database_url, "INSERT INTO submitted_runs (run_id, page_id, message) VALUES ('submitted', '8', '{}')")
    secret = await users.add_key("ours", Role.OPERATOR, [OURS], "me@here")
    async with closed_api() as client:
        client.headers["Authorization"] = f"Bearer {secret}"
        for route in ACT_ROUTES:
            path = route.path.replace("<path:run_id>", run_id).replace("<page_id>", THEIRS)
            response = await client.post(path, json=BODIES.get(route.path, {}), headers={"Idempotency-Key": path})
            status = 404 if "<path:run_id>" in route.path else 403  # that there is such a run is not theirs to know
            kind = response.headers["Content-Type"]
            assert (response.status_code, kind) == (status, "application/problem+json"), path
            assert status == 403 or f"page {THEIRS}" not in response.text, path
        for submission in ({"run": RUN, "recipients": [{"recipient_id": "1"}]}, {"run_id": run_id}):
            check = "?check=1" if "run_id" in submission else ""
            response = await client.post(f"/api/v1/runs{check}", json=submission)
            assert response.status_code in (403, 404), response.text
        assert (await client.post("/api/v1/runs/nobody/pause")).status_code == 404
    assert trail(redis) == []
    assert sql(log_database_url, "SELECT count(*) FROM submitted_runs WHERE status = 'queued'") == [(1,)]


async def test_all_that_match_are_all_of_theirs(redis: Redis, users: Users, closed_api: Callable[..., Api]) -> None:
    write_run(redis, "ours", page=OURS, left=3)
    write_run(redis, "theirs", page=THEIRS, left=3)
    secret = await users.add_key("ours", Role.OPERATOR, [OURS], "me@here")
    async with closed_api() as client:
        client.headers["Authorization"] = f"Bearer {secret}"
        response = await client.post("/api/v1/pages/pause", json={"filter": {}, "expect": 1})
        assert (response.status_code, response.json()["pages"]) == (200, 1), response.text
        assert (await client.post("/api/v1/runs/ours/pause")).status_code == 200
    assert [(what, target) for what, target, _ in trail(redis)] == [("page pause", OURS), ("run pause", "ours")]
    entries: Any = redis.xrange(key("audit"))
    assert {fields[b"who"] for _, fields in entries} == {b"key:ours@127.0.0.1"}
