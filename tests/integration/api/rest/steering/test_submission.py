"""`POST /api/v1/runs`: a run with its recipients, as JSON or as a file, stored whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from openpyxl import Workbook

from ops.api.door import uploads
from sender.sealed_tokens import SEALED_PREFIX
from tests.integration.api.rest.steering.steerers import ADMIN, AWAY, TOKENS, VIEWER
from tests.integration.api.serving import Api
from tests.integration.commands.servers import sql

RUNS = "/api/v1/runs"
NOW = datetime.now(UTC).isoformat()
KEY = 43 * "A" + "="
RUN: dict[str, Any] = {"page_id": "100", "message": {"text": "Hi {{name}}"}, "messaging_type": "UPDATE"}
ANN = {"recipient_id": "7000000000000001", "variables": {"name": "Ann"}, "last_interaction_at": NOW}
CSV = f"recipient_id,name,last_interaction_at\n7000000000000001,Ann,{NOW}\n".encode()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files are put while they are read."""
    monkeypatch.setattr(uploads, "_FOLDER", str(tmp_path))
    return tmp_path


@pytest.fixture
def door(api: Callable[..., Api], log_database_url: str, folder: Path) -> Callable[..., Api]:
    return lambda **more: api(**TOKENS, **{"log_database_url": log_database_url, "token_encryption_key": KEY, **more})


def form(run: dict[str, Any], content: bytes, name: str = "people.csv") -> dict[str, Any]:
    return {"data": {"run": json.dumps(run)}, "files": {"recipients": (name, content)}}


def encoded(run: dict[str, Any], content: bytes) -> dict[str, Any]:
    """Return the same in one piece: the client of these tests does not like to be interrupted."""
    request = httpx.Request("POST", "http://x", **form(run, content))
    return {"content": request.read(), "headers": {"Content-Type": request.headers["Content-Type"]}}


def stored(url: str) -> list[Any]:
    people = "(SELECT count(*) FROM submitted_recipients p WHERE p.run_id = r.run_id)"
    return sql(url, f"SELECT run_id, {people} FROM submitted_runs r")  # noqa: S608 - ours


def files(folder: Path) -> list[int]:
    """Return how long the files are that the service has open there; none has a name, that could be left of it."""
    assert list(folder.iterdir()) == []
    opened = [file for file in Path("/proc/self/fd").iterdir() if _leads_to(file).startswith(str(folder))]
    return [file.stat().st_size for file in opened]


def _leads_to(open_file: Path) -> str:
    try:
        return os.readlink(open_file)
    except FileNotFoundError:  # closed since it was listed
        return ""


def sheet(path: Path) -> bytes:
    book = Workbook()
    assert book.active is not None
    book.active.append(["recipient_id", "name", "last_interaction_at"])
    book.active.append(["7000000000000001", "Ann", NOW])
    book.save(path / "people.xlsx")
    content = (path / "people.xlsx").read_bytes()
    (path / "people.xlsx").unlink()
    return content


async def test_a_run_is_submitted_as_json_and_as_every_file(
    door: Callable[..., Api], log_database_url: str, folder: Path
) -> None:
    token = {**RUN, "page_access_token": "secret-token", "run_id": "mine/1"}
    line = json.dumps(ANN).encode()
    async with door() as client:
        client.headers.update(ADMIN)
        response = await client.post(RUNS, json={"run": token, "recipients": [ANN]})
        assert response.status_code == 200, response.text
        assert "secret" not in response.text
        answer = response.json()
        assert (answer["run_id"], answer["recipients"], answer["found"]["would_get"]) == ("mine/1", 1, 1)
        for content in (CSV, sheet(folder), line + b"\n" + line, b"[" + line + b"]", b"\xef\xbb\xbf" + CSV):
            response = await client.post(RUNS, **form(RUN, content))
            assert response.status_code == 200, response.text
            assert response.json()["found"]["samples"][0]["message"] == {"text": "Hi Ann"}
    rows = stored(log_database_url)
    assert sorted(count for _, count in rows) == [1, 1, 1, 1, 1, 2]
    [(sealed,)] = sql(log_database_url, "SELECT page_access_token FROM submitted_runs WHERE run_id = 'mine/1'")
    assert sealed.startswith(SEALED_PREFIX)
    told = sql(log_database_url, "SELECT who, what, target, detail FROM audit ORDER BY id LIMIT 1")
    assert told == [("ADMIN_TOKEN@127.0.0.1", "run submit", "mine/1", "page 100, 1 recipients")]
    assert files(folder) == []


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        ({"json": {"run": RUN, "recipients": []}}, 400, "names no recipient"),
        ({"json": {"run": RUN}}, 400, "recipients is missing"),
        ({"json": {"recipients": [ANN]}}, 400, "cannot be read as a run"),
        ({"json": {"run": {**RUN, "run_id": " "}, "recipients": [ANN]}}, 400, "run_id is empty"),
        ({"json": {"run": {**RUN, "runid": "x"}, "recipients": [ANN]}}, 400, "unknown field `runid`"),
        ({"json": {"run": RUN, "recipients": [ANN], "people": 1}}, 400, "people: not known"),
        ({"json": {"run": RUN, "recipients": ANN}}, 400, "must be a list"),
        ({"json": {"run": {**RUN, "page_access_token": "a b"}, "recipients": [ANN]}}, 400, "more than a token"),
        ({"json": {"run": {**RUN, "scheduled_at": "2999-01-01T00:00:00"}, "recipients": [ANN]}}, 400, "time zone"),
        ({"json": {"run": {**RUN, "message": {"txt": "Hi"}}, "recipients": [ANN]}}, 400, "(rule unknown-key)"),
        ({"json": {"run": {**RUN, "priority": 10**30}, "recipients": [ANN]}}, 400, "priority"),
        (
            {"json": {"run": RUN, "recipients": [ANN, {"recipient_id": "+15551230001"}]}},
            400,
            "is a phone",
        ),
        ({"json": {"run": RUN, "recipients": [{**ANN, "variables": {}}]}}, 409, '"anyway": true does it all the same'),
        ({"json": []}, 400, "cannot be read as a JSON object"),
        ({"content": b"", "headers": {"Content-Type": "application/json"}}, 400, "the body is empty"),
        ({"content": CSV, "headers": {"Content-Type": "text/csv"}}, 415, "multipart/form-data"),
        ({"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, "last boundary"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "boundary"),
        (form(RUN, b"recipient_id\n1\nx\n+1555 123\n"), 400, "line 3"),
        (form(RUN, b"PK\x03\x04 no sheet"), 400, "the file is a broken ZIP"),
        ({**form(RUN, CSV), "data": {"run": json.dumps(RUN), "page": "1"}}, 400, "page: not known"),
        ({"files": [("recipients", CSV), ("recipients", CSV)], "data": {"run": json.dumps(RUN)}}, 400, "twice"),
        ({"json": {"run": RUN, "recipients": [{"recipient_id": "7"}] * 3 + [7]}}, 400, "list of objects"),
        ({"json": {"run": RUN, "recipients": [ANN] * 2000}}, 413, "SUBMIT_MAX_BYTES"),
        (encoded(RUN, CSV * 5000), 413, "SUBMIT_MAX_BYTES"),
    ],
)
async def test_what_cannot_be_submitted_is_told_and_leaves_nothing(
    door: Callable[..., Api], log_database_url: str, folder: Path, content: dict[str, Any], status: int, says: str
) -> None:
    async with door(submit_max_bytes=100_000) as client:
        client.headers.update(ADMIN)
        response = await client.post(RUNS, **content)
        assert (response.status_code, says in response.json()["detail"]) == (status, True), response.text
        assert response.headers["Content-Type"] == "application/problem+json"
    assert stored(log_database_url) == []
    assert files(folder) == []


async def test_a_run_that_cannot_be_meant_so_is_submitted_anyway_and_checked_without_a_trace(
    door: Callable[..., Api], log_database_url: str
) -> None:
    nameless: dict[str, Any] = {"run": {**RUN, "run_id": "n"}, "recipients": [{**ANN, "variables": {}}]}
    async with door() as client:
        client.headers.update(VIEWER)
        contents: list[dict[str, Any]] = [{"json": nameless}, form(RUN, CSV.replace(b"name", b"nom"))]
        for content in contents:
            found = (await client.post(f"{RUNS}?check=1", **content)).json()
            assert found["stops"], found
        assert stored(log_database_url) == []
        client.headers.update(ADMIN)
        nameless["run"]["anyway"] = True
        assert (await client.post(RUNS, json=nameless)).json()["found"] is None
        response = await client.post(RUNS, json=nameless)
        assert (response.status_code, "is taken: choose another" in response.text) == (409, True)
        assert (await client.post(f"{RUNS}?check=2", json=nameless)).status_code == 400
        assert (await client.post(f"{RUNS}?chek=1", json=nameless)).status_code == 400
    assert stored(log_database_url) == [("n", 1)]


async def test_a_run_sent_again_is_one_run_even_when_its_answer_was_lost(
    door: Callable[..., Api], log_database_url: str, admin: Any
) -> None:
    keyed = {**ADMIN, "Idempotency-Key": "k"}
    async with door() as client:
        first = await client.post(RUNS, **form(RUN, CSV), headers=keyed)
        again = await client.post(RUNS, **form(RUN, CSV), headers=keyed)  # with another boundary
        assert (again.status_code, again.content) == (200, first.content)
        other = await client.post(RUNS, **form(RUN, CSV.replace(b"Ann", b"Bob")), headers=keyed)
        assert other.status_code == 422
        admin.flushall()  # the process that stored it died before it could answer
        lost = (await client.post(RUNS, **form(RUN, CSV), headers=keyed)).json()
        assert (lost["run_id"], lost["recipients"]) == (first.json()["run_id"], 1)
    assert len(stored(log_database_url)) == 1


async def test_without_a_key_only_tokens_are_refused_and_without_a_database_everything(
    api: Callable[..., Api], log_database_url: str, folder: Path
) -> None:
    sealed: dict[str, Any] = {"json": {"run": {**RUN, "page_access_token": "secret"}, "recipients": [ANN]}}
    plain: dict[str, Any] = {"json": {"run": RUN, "recipients": [ANN]}}
    async with api(**TOKENS, log_database_url=log_database_url) as client:
        client.headers.update(ADMIN)
        response = await client.post(RUNS, **sealed)
        assert (response.status_code, "TOKEN_ENCRYPTION_KEY is not set" in response.text) == (503, True)
        assert (await client.post(RUNS, **plain)).status_code == 200
    away: dict[str, Any] = {"log_database_url": AWAY}
    for settings, says in (({}, "LOG_DATABASE_URL is not set"), (away, "the log database")):
        async with api(**TOKENS, **settings) as client:
            client.headers.update(ADMIN)
            response = await client.post(RUNS, **plain)
            assert (response.status_code, says in response.text, "hidden" in response.text) == (503, True, False)
    assert files(folder) == []


async def test_only_who_may_steer_submits(door: Callable[..., Api], log_database_url: str) -> None:
    async with door() as client:
        assert (await client.post(RUNS, json={"run": RUN, "recipients": [ANN]})).status_code == 401
        response = await client.post(RUNS, json={"run": RUN, "recipients": [ANN]}, headers=VIEWER)
        assert (response.status_code, "operator" in response.text) == (403, True)
    assert stored(log_database_url) == []


async def test_a_long_upload_is_never_in_memory_and_a_broken_one_leaves_nothing(
    door: Callable[..., Api], log_database_url: str, folder: Path
) -> None:
    sent, waiting = trio.Event(), trio.Event()

    async def lines() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="recipients"; filename="p"\r\n\r\nrecipient_id\n'
        for _ in range(200):
            yield b"7000000000000001\n" * 1000
        sent.set()
        await waiting.wait()

    async with door() as client:
        kind = {**ADMIN, "Content-Type": "multipart/form-data; boundary=x"}
        async with trio.open_nursery() as nursery:

            async def send() -> None:
                await client.post(RUNS, content=lines(), headers=kind)

            nursery.start_soon(send)
            await sent.wait()
            while max(files(folder), default=0) < 3_000_000:  # noqa: ASYNC110 - likewise
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        while files(folder):  # noqa: ASYNC110 - the service's doing
            await trio.sleep(0.01)
    assert stored(log_database_url) == []


async def test_a_body_that_is_not_read_fast_waits_in_the_network(folder: Path) -> None:
    body = uploads.LongBody()
    body.append(b"x" * (2 * 1024 * 1024))
    with trio.move_on_after(0.05) as full:
        await body.room()
    assert full.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(body.room)
        assert len(await anext(body)) == 2 * 1024 * 1024


def test_the_client_of_these_tests_sends_each_file_with_a_boundary_of_its_own() -> None:
    one, other = (httpx.Request("POST", "http://x", **form(RUN, CSV)).headers["Content-Type"] for _ in range(2))
    assert one != other


async def test_a_full_disk_is_said_to_be_full(
    door: Callable[..., Api], log_database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql(
        log_database_url,
        "CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'No space left on device' USING ERRCODE = 'disk_full'; END $$",
    )
    sql(log_database_url, "CREATE TRIGGER full_disk BEFORE INSERT ON submitted_runs EXECUTE FUNCTION is_full()")

    async def no_room(*_args: object) -> uploads.Upload:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with door() as client:
        client.headers.update(ADMIN)
        answers = [await client.post(RUNS, json={"run": RUN, "recipients": [ANN]})]
        monkeypatch.setattr(uploads, "_read_form", no_room)
        answers.append(await client.post(RUNS, **form(RUN, CSV)))
    assert [answer.status_code for answer in answers] == [507, 507], answers[0].text
    assert [answer.headers["content-type"] for answer in answers] == ["application/problem+json"] * 2
    assert answers[0].json()["detail"].startswith("the log database: ")
    assert "the disk where this service keeps files" in answers[1].json()["detail"]
    assert files(folder) == []
