"""`POST /api/v1/runs?check=1`: what a run would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from redis import Redis

from schema.keys import key
from tests.integration.api.serving import Api

SAMPLES = Path(__file__).parents[3] / "schema" / "source"
NOW = datetime.now(UTC).isoformat()
CHECK = "/api/v1/runs?check=1"


def described(*people: dict[str, Any], **changes: Any) -> dict[str, Any]:
    recipients = [{"last_interaction_at": NOW, **one} for one in people]
    return {"page_id": "100", "message": {"text": "Hi {{name}}"}, "recipients": recipients, **changes}


async def test_described_run_is_gone_through_without_a_trace(
    redis: Redis, api: Callable[..., Api], log_database_url: str
) -> None:
    people = (
        {"recipient_id": "1", "variables": {"name": "Ann"}},
        {"recipient_id": "2"},
        {"recipient_id": "3", "variables": {"name": "Cy"}, "last_interaction_at": None},
        {"recipient_id": "1", "variables": {"name": "Ann"}},
    )
    with psycopg.connect(log_database_url) as connection:
        connection.execute("INSERT INTO suppressions VALUES ('100', '4', 'denied', now(), NULL, 'ana')")
    async with api(log_database_url=log_database_url) as client:
        response = await client.post(CHECK, json=described(*people, {"recipient_id": "4", "variables": {"name": "D"}}))
        assert response.status_code == 200, response.text
        found = response.json()
    assert (found["recipients"], found["would_get"], found["duplicates"]) == (5, 1, 1)
    assert {one["error_class"] for one in found["left_out"]} == {
        "missing_variable",
        "recipient_window",
        "recipient_denied",
    }
    assert found["samples"] == [{"recipient_id": "1", "message": {"text": "Hi Ann"}}]
    assert (found["stops"], found["per_second"], found["takes_s"]) == ([], 50.0, 0.0)
    assert redis.keys(key("run:*")) == []
    with psycopg.connect(log_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM submitted_runs").fetchone() == (0,)


async def test_what_cannot_be_meant_so_is_told(api: Callable[..., Api], log_database_url: str) -> None:
    async with api(log_database_url=log_database_url) as client:
        person = {"recipient_id": "1", "variables": {"firstname": "Ann"}}
        found = (await client.post(CHECK, json=described(person, message={"text": "{{first_name|you}}"}))).json()
        assert found["stops"] == [
            "everybody would get the fallback of {{first_name}}; the data has firstname: write {{firstname}}"
        ]
        found = (await client.post(CHECK, json=described(person, message={"txt": "Hi"}))).json()
        assert "(rule unknown-key)" in found["stops"][0]
        found = (await client.post(CHECK, json=described({"recipient_id": "+15551230001"}))).json()
        assert "line 1: recipient_id is a phone number" in found["unreadable"][0]


async def test_run_of_the_source_is_gone_through_by_its_id(
    redis: Redis, api: Callable[..., Api], log_database_url: str
) -> None:
    with psycopg.connect(log_database_url) as connection:
        for file in ("tables.sql", "views.sql"):
            connection.execute((SAMPLES / file).read_bytes())
        connection.execute("INSERT INTO pages VALUES ('100', 'A page', ' ')")
        connection.execute("INSERT INTO subscribers VALUES ('100', '1', 'Ann', now())")
        row = connection.execute(
            "INSERT INTO broadcasts (page_id, message, status) "
            "VALUES ('100', '{\"text\": \"Hi {{first_name}}\"}', 'draft') RETURNING id::text"
        ).fetchone()
    assert row is not None
    async with api(log_database_url=log_database_url, source_database_url=log_database_url) as client:
        found = (await client.post(CHECK, json={"run_id": row[0]})).json()
        assert "no recipients can be seen" in found["stops"][0]
        assert "page_access_token" in found["notes"][0]
        with psycopg.connect(log_database_url) as connection:
            connection.execute("INSERT INTO broadcast_recipients VALUES (%s, '100', '1')", [row[0]])
        found = (await client.post(CHECK, json={"run_id": row[0]})).json()
        assert (found["stops"], found["samples"][0]["message"]) == ([], {"text": "Hi Ann"})
        assert (await client.post(CHECK, json={"run_id": "nobody"})).status_code == 404


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "write run_id alone, or page_id, message and recipients"),
        ({"run_id": "r", "page_id": "1"}, "leave page_id, message and recipients out"),
        ({"recipients": {}, "page_id": "1", "message": {"text": "Hi"}}, "recipients must be a list"),
        ({"runid": "r"}, "unknown field `runid`"),
        ({"run_id": 7}, "Expected `str | null`"),
        (described(scheduled_at="2026-11-22T09:30:00"), "a moment has no time zone"),
        ([], "cannot be read as a JSON object"),
    ],
)
async def test_body_that_cannot_be_used_is_told(
    api: Callable[..., Api], log_database_url: str, body: Any, says: str
) -> None:
    async with api(log_database_url=log_database_url) as client:
        response = await client.post(CHECK, json=body)
        assert (response.status_code, says in response.json()["detail"]) == (400, True), response.text


async def test_only_a_dry_run_is_taken_and_only_as_json_by_who_may_read(
    api: Callable[..., Api], log_database_url: str, closed_port: int
) -> None:
    async with api(log_database_url=log_database_url, viewer_token="viewer") as client:
        assert (await client.post(CHECK, json={"run_id": "r"})).status_code == 401
        client.headers["Authorization"] = "Bearer viewer"
        assert (await client.post("/api/v1/runs", json={})).status_code == 403
        response = await client.post(CHECK, content=b"{}")
        assert (response.status_code, "application/json" in response.json()["detail"]) == (415, True)
    async with api() as client:
        assert (await client.post(CHECK, json={"run_id": "r"})).status_code == 404
    away = f"postgresql://newar:secret-word@127.0.0.1:{closed_port}/newar"
    async with api(log_database_url=away) as client:
        response = await client.post(CHECK, json={"run_id": "r"})
        assert (response.status_code, "secret-word" in response.text) == (503, False)
