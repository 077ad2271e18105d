"""Retrying, recovering and trying out runs over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from ops.fakegraph.child_process import open_fakegraph
from schema.runtime.asyncio_door import aio
from tests.integration.api.rest.steering.steerers import ADMIN, TOKENS, VIEWER
from tests.integration.api.serving import Api
from tests.integration.runs.by_hand.world import make_partitions
from tests.integration.runs.world import KEY, World, open_world

RUNS = "/api/v1/runs"
Door = Callable[..., Api]


@pytest.fixture
async def db(asyncio_loop: object, log_database_url: str, redis_url: str) -> AsyncIterator[World]:
    await aio(make_partitions, log_database_url)
    async with open_world(log_database_url, redis_url) as opened:
        opened.page()
        yield opened


@pytest.fixture
def door(db: World, api: Door) -> Door:
    urls = {"log_database_url": db.url, "source_database_url": db.url}
    return lambda **more: api(**TOKENS, **{**urls, "token_encryption_key": KEY, **more})


async def ended_run(db: World, message: object = None) -> str:
    """A finished run: two failed for a passing reason, one for its message, one has it."""
    run = db.run("1", "2", "3", "4", message=message)
    await db.turn()
    for person, outcome, error_class in (
        ("1", "failed", "transient"),
        ("2", "failed", "transient"),
        ("3", "failed", "bad_payload"),
        ("4", "sent", None),
    ):
        db.log(run, person, outcome, error_class=error_class)
    db.sql("UPDATE runs SET state = 'finished', recipients = 4 WHERE run_id = %s", run)
    return run


async def test_a_retry_is_previewed_without_a_trace_and_made_once(db: World, door: Door, admin: Any) -> None:
    run = await ended_run(db)
    keyed = {**ADMIN, "Idempotency-Key": "k"}
    async with door() as client:
        path = f"{RUNS}/{run}/retry"
        assert (await client.post(path, json={"preview": True}, headers=VIEWER)).status_code == 403
        preview = (await client.post(path, json={"preview": True}, headers=ADMIN)).json()
        assert (preview["run_id"], preview["parent_run_id"], preview["recipients"]) == (None, run, 2)
        assert [(end["error_class"], end["recipients"]) for end in preview["chosen"]] == [("transient", 2)]
        assert {end["error_class"] for end in preview["others"]} == {"bad_payload", ""}
        nobody = (await client.post(path, json={"preview": True, "classes": ["no_token"]}, headers=ADMIN)).json()
        assert nobody["recipients"] == 0
        assert db.sql("SELECT count(*) FROM submitted_runs") == [0]
        assert db.sql("SELECT count(*) FROM audit") == [0]
        made = await client.post(path, headers=keyed)
        assert (made.status_code, made.json()["recipients"]) == (200, 2), made.text
        assert made.json()["run_id"].startswith(f"{run}-retry-")
        assert (await client.post(path, headers=keyed)).content == made.content
        admin.flushall()  # the process that made it died before it could answer
        lost = (await client.post(path, headers=keyed)).json()
        assert (lost["run_id"], lost["recipients"]) == (made.json()["run_id"], None)
        other = await client.post(path, headers=ADMIN)
        assert (other.status_code, "not finished yet" in other.text) == (409, True)
    assert db.sql("SELECT run_id FROM submitted_runs") == [made.json()["run_id"]]
    assert db.sql("SELECT who, what, detail FROM audit") == [
        ("ADMIN_TOKEN@127.0.0.1", "run retry", f"the same message to those of {run}: 2 transient")
    ]


async def test_a_mended_message_is_looked_at_before_it_is_sent_again(db: World, door: Door) -> None:
    run = await ended_run(db)
    async with door() as client:
        client.headers.update(ADMIN)
        path = f"{RUNS}/{run}/retry"
        strange = {"message": {"text": "Hi {{frist_name}}"}}
        response = await client.post(path, json=strange)
        assert (response.status_code, response.json()["detail"].splitlines()[-1]) == (
            409,
            '"anyway": true does it all the same',
        )
        for body, status, says in (
            ({"message": {"txt": "Hi"}}, 400, "(rule unknown-key)"),
            ({"message": {}}, 400, "message"),
            ({"classes": ["gone"]}, 400, "classes"),
            ({"klass": []}, 400, "unknown field `klass`"),
        ):
            response = await client.post(path, json=body)
            assert (response.status_code, says in response.json()["detail"]) == (status, True), response.text
        mended = {"message": {"text": "Hello"}, "preview": True}
        assert (await client.post(path, json=mended)).json()["recipients"] == 3
        response = await client.post(path, json={**strange, "anyway": True})
        assert (response.status_code, response.json()["recipients"]) == (200, 3)
        response = await client.post(f"{RUNS}/nobody/retry")
        assert (response.status_code, "no run has the id" in response.text) == (404, True)


async def test_a_retry_whose_run_has_a_token_needs_the_key(db: World, door: Door) -> None:
    run = await ended_run(db)
    async with door(token_encryption_key=None) as client:
        response = await client.post(f"{RUNS}/{run}/retry", headers=ADMIN)
        assert (response.status_code, "TOKEN_ENCRYPTION_KEY is not set" in response.text) == (503, True)
    assert db.sql("SELECT count(*) FROM submitted_runs") == [0]


async def test_what_is_left_of_a_lost_run_is_asked_for(db: World, door: Door) -> None:
    run = await ended_run(db)
    async with door(kafka_bootstrap_servers="127.0.0.1:1") as client:
        client.headers.update(ADMIN)
        response = await client.post(f"{RUNS}/{run}/recover")
        assert (response.status_code, "there is nothing to recover" in response.text) == (409, True)
        db.sql("UPDATE runs SET state = 'active', finished_at = NULL, queue_epoch = 'another'")
        db.lose_redis()
        response = await client.post(f"{RUNS}/{run}/recover")
        assert (response.status_code, "try again in" in response.text) == (409, True), response.text
        assert db.state(run) == "queue_lost"
    for setting, says in (("kafka_bootstrap_servers", "KAFKA_"), ("token_encryption_key", "TOKEN_")):
        async with door(**{"kafka_bootstrap_servers": "127.0.0.1:1", setting: None}) as client:
            response = await client.post(f"{RUNS}/{run}/recover", headers=ADMIN)
            assert (response.status_code, says in response.text) == (503, True), response.text


async def test_a_message_goes_to_somebody_who_may_be_tested_on(db: World, door: Door) -> None:
    run = db.run("1", message={"text": "Hi {{first_name|there}}"})
    async with open_fakegraph() as graph, door(graph_api_url=graph, test_recipients="9") as client:
        client.headers.update(ADMIN)
        response = await client.post(f"{RUNS}/{run}/test", json={"to": "9", "as": "1"})
        assert (response.status_code, response.json()["outcome"]) == (200, "sent"), response.text
        async with httpx.AsyncClient() as other:
            assert '"9"' in (await other.get(f"{graph}/__ledger")).text
        for body, status, says in (
            ({"to": "8"}, 409, "TEST_RECIPIENTS"),
            ({"to": "9", "as": "5"}, 404, "is no recipient"),
            ({"to": "x"}, 400, "to"),
            ({}, 400, "to"),
        ):
            response = await client.post(f"{RUNS}/{run}/test", json=body)
            assert (response.status_code, says in response.json()["detail"]) == (status, True), response.text
        assert (await client.post(f"{RUNS}/nobody/test", json={"to": "9"})).status_code == 404
    assert db.sql("SELECT who, detail FROM audit") == [("ADMIN_TOKEN@127.0.0.1", "to 9, filled in for 1")]
