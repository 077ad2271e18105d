"""Pages, their living parts, their files and tables, as a browser gets them."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable

import psycopg
import pytest
import trio
from redis import Redis

from schema.keys import key
from tests.integration.api.serving import Api
from tests.integration.log_figures import count_again
from tests.integration.runs.by_hand.world import make_partitions
from tests.patience import patience_s
from tests.unit.api.contents import write_breaker, write_run

TOKEN = "the admins token"
AS_ADMIN = {"Authorization": f"Bearer {TOKEN}"}
HTML = {"Accept": "text/html"}


@pytest.fixture
def log(log_database_url: str) -> str:
    asyncio.run(make_partitions(log_database_url))
    with psycopg.connect(log_database_url) as connection:
        connection.execute(
            "INSERT INTO runs (run_id, page_id, source, state, recipients, enqueued_at)"
            " VALUES ('a/b', '7', 'submitted', 'finished', 3, now())"
        )
        message = '{"text": "Hi {{name}}"}'
        connection.execute("INSERT INTO submitted_runs (run_id, page_id, message) VALUES ('a/b', '7', %s)", [message])
        connection.execute(
            "INSERT INTO submitted_recipients (run_id, recipient_id, variables)"
            """ VALUES ('a/b', '1', '{"name": "Ana"}'), ('a/b', '2', '{}')"""
        )
        connection.execute(
            "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class,"
            " error_message, sender_id, sent_at) VALUES"
            " (gen_random_uuid(), 'a/b', '7', '1', 1, 'sent', NULL, NULL, 's', now()),"
            " (gen_random_uuid(), 'a/b', '7', '2', 1, 'failed', 'transient', '=HYPERLINK(1)', 's', now())"
        )
        count_again(connection)
    return log_database_url


@pytest.mark.parametrize("path", ["", "/runs", "/pages", "/log", "/suppressions", "/audit", "/submit", "/users"])
@pytest.mark.parametrize("redis_is_away", [False, True])
async def test_every_page_is_a_page_whatever_is_away(
    redis: Redis, api: Callable[..., Api], closed_port: int, path: str, redis_is_away: bool
) -> None:
    away = {"redis_url": f"redis://127.0.0.1:{closed_port}"} if redis_is_away else {}
    async with api(admin_token=TOKEN, **away) as client:
        whole = await client.get(f"/admin{path}", headers=AS_ADMIN | HTML)
        part = await client.get(f"/admin{path}", headers=AS_ADMIN | HTML | {"Newar-Fragment": "1"})
    assert whole.status_code in ({200, 503} if redis_is_away else {200})
    assert whole.text.startswith("<!doctype html>")
    assert "<html" not in part.text
    assert whole.headers["Content-Encoding"] == "gzip"


async def test_a_problem_is_a_page_for_people_and_a_document_for_programs(
    redis: Redis, api: Callable[..., Api]
) -> None:
    async with api(admin_token=TOKEN) as client:
        page = await client.get("/admin/runs/none", headers=AS_ADMIN | HTML)
        document = await client.get("/admin/runs/none", headers=AS_ADMIN)
    assert (page.status_code, page.headers["Content-Type"].split(";")[0]) == (404, "text/html")
    assert "data-problem" in page.text
    assert (document.status_code, document.json()["status"]) == (404, 404)


async def test_a_run_of_the_source_that_was_not_taken_yet_offers_what_can_be_done(
    redis: Redis, api: Callable[..., Api], log_database_url: str
) -> None:
    with psycopg.connect(log_database_url) as connection:
        connection.execute(
            "INSERT INTO not_taken (source, run_id, page_id, kind, reason)"
            " VALUES ('source', 'early', '7', 'waiting', 'x')"
        )
    async with api(admin_token=TOKEN, log_database_url=log_database_url) as client:
        shown = await client.get("/admin/runs/early", headers=AS_ADMIN | HTML)
        assert "its row in the source" in shown.text
        assert "/admin/act/run/cancel" not in shown.text
        for act in ("cancel", "extend", "test", "retry", "recover"):
            answer = await client.get(f"/admin/act/run/{act}/none", headers=AS_ADMIN | HTML)
            assert (answer.status_code, "data-problem" in answer.text) == (404, True), act
        for act in ("cancel", "test", "retry"):
            assert (await client.get(f"/admin/act/run/{act}/%00", headers=AS_ADMIN)).status_code == 404, act
        assert (await client.get("/admin/jobs/%00/1", headers=AS_ADMIN)).status_code == 400


async def test_files_are_kept_by_their_content_and_sent_small(redis: Redis, api: Callable[..., Api]) -> None:
    async with api() as client:
        page = (await client.get("/admin")).text
        address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
        styles = await client.get(address)
        assert styles.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert styles.headers["Content-Encoding"] == "gzip"
        assert (await client.get("/admin/static/cockpit.css?v=0")).headers["Cache-Control"] == "no-cache"
        plain = await client.get(address, headers={"Accept-Encoding": "identity"})
        assert ("Content-Encoding" in plain.headers, plain.text) == (False, styles.text)
        for path in ("../views.py", "%2e%2e/views.py", "nothing.css", "vendor"):
            assert (await client.get(f"/admin/static/{path}")).status_code == 404


async def test_a_page_is_followed_and_says_what_changed(redis: Redis, api: Callable[..., Api]) -> None:
    write_run(redis, "sale", left=600, recipients=1000, sent=400)
    request = b"GET /admin/runs/sale HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    async with api() as client, await trio.open_tcp_stream("127.0.0.1", client.base_url.port or 0) as tcp:
        await tcp.send_all(request)
        seen = await _until(tcp, b"40 %")
        assert b"text/event-stream" in seen
        redis.hset(key("run:sale"), mapping={"left": 100, "sent": 900})
        await _until(tcp, b"90 %")
        redis.delete(key("run:sale"))
        redis.zrem(key("runs"), "sale")
        await _until(tcp, b"event: problem")


async def _until(tcp: trio.SocketStream, text: bytes) -> bytes:
    """Return what has come (httpx leaves half read answers to the collector) once the text is in it."""
    seen = b""
    with trio.fail_after(patience_s()):
        while text not in seen:
            part = await tcp.receive_some()
            assert part, seen
            seen += part
    return seen


async def test_whom_a_run_did_not_reach_is_a_table(redis: Redis, api: Callable[..., Api], log: str) -> None:
    async with api(log_database_url=log) as client:
        answer = await client.get("/admin/act/run/failures/a/b")
        rows = list(csv.DictReader(answer.text.splitlines()))
        assert [(row["recipient_id"], row["error_class"]) for row in rows] == [("2", "transient")]
        assert not rows[0]["error_message"].startswith("=")
        assert (await client.get("/admin/act/run/failures/none")).status_code == 404


async def test_a_message_is_shown_as_people_would_see_it(redis: Redis, api: Callable[..., Api], log: str) -> None:
    async with api(log_database_url=log) as client:
        shown = (await client.get("/admin/act/run/message/a/b", headers=HTML)).text
    assert "Hi Ana" in shown
    assert "the variable name is missing" in shown


async def test_the_language_is_kept_and_nobody_is_led_away(redis: Redis, api: Callable[..., Api]) -> None:
    async with api(admin_token=TOKEN) as client:
        for back in ("https://evil.example/admin", "/admin/../../evil", "/admin/%2e./evil"):
            form = {"language": "pt-BR", "back": back}
            answer = await client.post("/admin/language", data=form, headers=AS_ADMIN)
            assert (answer.status_code, answer.headers["Location"]) == (303, "/admin")
        assert "SameSite=Strict" in answer.headers["Set-Cookie"]
        assert '<html lang="pt-BR">' in (await client.get("/admin", headers=AS_ADMIN)).text


async def test_why_something_is_not_done_is_said_to_people_in_their_language(
    redis: Redis, api: Callable[..., Api], log: str
) -> None:
    write_run(redis, "over", page="7", state="finished", left=0)
    portuguese = AS_ADMIN | HTML | {"Accept-Language": "pt-BR"}
    async with api(admin_token=TOKEN, log_database_url=log) as client:
        program = await client.post("/api/v1/runs/over/cancel", headers=AS_ADMIN)
        assert program.json()["detail"] == "run over cannot be cancelled: it is finished"
        refused = await client.post("/admin/act/run/cancel/over", headers=portuguese, data={"back": "/admin/runs"})
        assert refused.status_code == 303
        page = (await client.get(refused.headers["Location"], headers=portuguese)).text
        assert "o envio over não pode ser cancelado: está concluído" in page
        missing = await client.get("/admin/runs/nobody", headers=portuguese)
        assert (missing.status_code, "nem a fila nem o cadastro de envios conhecem" in missing.text) == (404, True)
        unknown = await client.get("/api/v1/runs/nobody", headers=portuguese)
        assert unknown.json()["detail"] == "neither the queue nor the run registry knows this run"


async def test_forms_lead_back_to_the_very_address_of_their_page(redis: Redis, api: Callable[..., Api]) -> None:
    write_run(redis, "a/../b?c", page="7", left=1)
    address = "/admin/runs/a%2F..%2Fb%3Fc?x=%C3%A9"
    async with api(admin_token=TOKEN) as client:
        page = (await client.get(address, headers=AS_ADMIN | HTML)).text
        assert f'name="back" value="{address}"' in page
        answer = await client.post("/admin/language", data={"language": "en", "back": address}, headers=AS_ADMIN)
    assert answer.headers["Location"] == address


FORM = {"page": "7", "message": "Hi {{name}}", "do": "submit"}
PEOPLE = {"recipients": ("people.csv", b"recipient_id,name\n7000000000000001,Ana\n")}
BY_BROWSER = AS_ADMIN | {"Newar-Fragment": "1"}


async def test_a_run_that_is_sent_twice_is_one(redis: Redis, api: Callable[..., Api], log: str) -> None:
    async with api(admin_token=TOKEN, log_database_url=log) as client:
        page = (await client.get("/admin/submit", headers=AS_ADMIN)).text
        run_id = page.partition('name="new_run_id" value="')[2].partition('"')[0]
        given = FORM | {"new_run_id": run_id, "anyway": "1"}
        first = await client.post("/admin/submit", data=given, files=PEOPLE, headers=BY_BROWSER)
        again = await client.post("/admin/submit", data=given, files=PEOPLE, headers=BY_BROWSER)
    assert (first.status_code, first.headers["Location"]) == (303, f"/admin/runs/{run_id}")
    assert (again.status_code, f"{run_id}" in again.text) == (200, True), again.text
    with psycopg.connect(log) as connection:
        assert connection.execute("SELECT run_id FROM submitted_runs WHERE run_id <> 'a/b'").fetchall() == [(run_id,)]


async def test_a_run_that_is_refused_leaves_its_form_as_it_was(
    redis: Redis, api: Callable[..., Api], log: str, closed_port: int
) -> None:
    away = f"postgresql://postgres@127.0.0.1:{closed_port}/log"
    for url, told in ((log, "nothing was submitted"), (away, "the log database is away")):
        async with api(admin_token=TOKEN, log_database_url=url) as client:
            answer = await client.post("/admin/submit", data=FORM, files=PEOPLE, headers=AS_ADMIN)
        assert (answer.status_code, told in answer.text, "Hi {{name}}" in answer.text) == (200, True, True), answer.text


async def test_only_pages_that_live_are_followed(redis: Redis, api: Callable[..., Api], log: str) -> None:
    streams = {"Accept": "text/event-stream"} | AS_ADMIN
    async with api(admin_token=TOKEN, log_database_url=log) as client:
        for path in ("/admin/act/run/failures/a/b", "/admin/act/run/retry/a/b", "/admin/suppressions", "/admin/log"):
            answer = await client.get(path, headers=streams)
            assert "text/event-stream" not in answer.headers["Content-Type"], path


async def test_what_cannot_be_done_is_said(redis: Redis, api: Callable[..., Api], log: str) -> None:
    async with api(admin_token=TOKEN, log_database_url=log) as client:
        user = {"name": "ana", "password": "a long enough one", "role": "king"}
        assert (await client.post("/admin/users/add", data=user, headers=AS_ADMIN)).status_code == 303
        assert (await client.post("/admin/act/run/pause/none", headers=AS_ADMIN)).status_code == 303
        assert (await client.get("/admin/act/run/cancel/none", headers=AS_ADMIN)).status_code == 404


HOSTILE = "Hi \u202eeman\u200b\n</textarea><script>alert(1)</script>"
MADE_VISIBLE = 'Hi <span class="hidden-char">U+202E</span>eman<span class="hidden-char">U+200B</span><br>&lt;/textarea'


async def test_a_field_with_text_of_somebody_else_says_what_of_it_is_not_seen(
    redis: Redis, api: Callable[..., Api], log: str
) -> None:
    with psycopg.connect(log) as connection:
        for table in ("runs", "submitted_runs"):
            connection.execute(f"UPDATE {table} SET message = jsonb_build_object('text', %s::text)", [HOSTILE])  # noqa: S608
    async with api(log_database_url=log, admin_token=TOKEN) as client:
        client.headers.update(AS_ADMIN)
        retry = (await client.get("/admin/act/run/retry/a/b")).text
        assert "Characters that the field does not show: 2." in retry
        assert MADE_VISIBLE in retry
        assert "<script>alert" not in retry
        for path in ("pages?search=", "audit?who=", "log?page=7&run=", "runs?search=", "suppressions?person="):
            text = (await client.get(f"/admin/{path}%E2%80%AEx")).text
            assert "does not show: 1." in text, path
            assert '<span class="hidden-char">U+202E</span>x' in text, path
            assert "does not show" not in (await client.get(f"/admin/{path}x")).text, path


async def test_what_needs_somebody_names_the_page(redis: Redis, api: Callable[..., Api], log: str) -> None:
    write_breaker(redis, "7", reason="auth_page")
    write_breaker(redis, "8", reason="auth_page")
    redis.hset(key("page:7"), "name", "<i>Ana\u202e")
    with psycopg.connect(log) as connection:
        connection.execute("INSERT INTO known_pages (page_id, name) VALUES ('8', 'Of the log')")
    async with api(log_database_url=log, admin_token=TOKEN) as client:
        client.headers.update(AS_ADMIN)
        needs = (await client.get("/api/v1/needs")).json()["needs"]
        names = {need["page_id"]: need["page_name"] for need in needs if need["kind"] == "breaker_open"}
        assert names == {"7": "<i>Ana\u202e", "8": "Of the log"}
        page = (await client.get("/admin")).text
        assert 'Page: &lt;i&gt;Ana<span class="hidden-char">U+202E</span>' in page
        assert "Page: Of the log" in page
