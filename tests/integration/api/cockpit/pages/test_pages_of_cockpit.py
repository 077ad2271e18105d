"""The list of pages, a page, a person and a job as people see them, and what is done to pages by clicks."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import psycopg
import pytest
from redis import Redis

from schema.keys import key
from tests.integration.api.browsing import BROWSER, OURS, sign_in
from tests.integration.api.serving import SECRET, Api
from tests.unit.api.contents import write_breaker, write_run

HOSTILE = "<script>alert(1)</script>\u202egnp\u200b"
SAFE = (
    "&lt;script&gt;alert(1)&lt;/script&gt;"
    '<span class="hidden-char">U+202E</span>gnp<span class="hidden-char">U+200B</span>'
)


@pytest.fixture
def pages(redis: Redis) -> Redis:
    """Three hundred pages, of which one has a hostile name."""
    for n in range(300):
        redis.sadd(key("pages"), f"{n:04}")
    redis.hset(key("page:0007"), "name", HOSTILE)
    write_run(redis, "run of 7", page="0007", left=10)
    write_breaker(redis, "0009", reason=HOSTILE)
    return redis


async def operator(client: httpx.AsyncClient) -> None:
    response = await sign_in(client, "", SECRET)
    assert response.status_code == 303, response.text
    client.headers.update(BROWSER)


async def click(client: httpx.AsyncClient, address: str, page: str, **fields: object) -> httpx.Response:
    """Send a form as a button of this page would."""
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf is not None
    return await client.post(address, data={"csrf": csrf[1], "back": "/admin/pages", **fields}, headers=OURS)


def listed(page: str) -> list[str]:
    return re.findall(r'<tr id="page-(\d+)"', page)


def paused(redis: Redis) -> set[str]:
    known = [page.decode() if isinstance(page, bytes) else page for page in redis.smembers(key("pages"))]
    return {page for page in known if redis.hexists(key(f"page:{page}"), "paused_until_ms")}


async def test_two_hundred_are_shown_and_the_others_follow(api: Callable[..., Api], pages: Redis) -> None:
    async with api() as client:
        first = (await client.get("/admin/pages", params={"sort": "name"})).text
        following = re.search(r'on-wide">.*?href="([^"]+)"', first, re.DOTALL)
        assert following is not None
        second = (await client.get(following[1].replace("&amp;", "&"))).text
        assert len(listed(first)) == 200
        assert sorted(listed(first) + listed(second)) == [f"{n:04}" for n in range(300)]
        assert SAFE in first
        assert "<script>alert" not in first
        assert 'name="pages"' not in first  # who may not steer has nothing to choose for


async def test_a_list_that_is_kept_no_longer_begins_anew(api: Callable[..., Api], pages: Redis) -> None:
    async with api() as client:
        gone = await client.get("/admin/pages", params={"state": "breaker", "after": "gone.200"})
        assert (gone.status_code, gone.headers["location"]) == (302, "/admin/pages?state=breaker")
        for bad in ({"state": "x"}, {"sort": "x"}, {"search": "x" * 300}):
            assert (await client.get("/admin/pages", params=bad)).headers["location"] == "/admin/pages"


async def test_the_chosen_are_paused_after_a_question(api: Callable[..., Api], pages: Redis) -> None:
    async with api(admin_token=SECRET) as client:
        await operator(client)
        page = (await client.get("/admin/pages")).text
        asked = await click(client, "/admin/act/pages/pause/chosen", page, pages=["0007", "0008"])
        assert "Pause 2 pages?" in asked.text
        assert paused(pages) == set()
        sure = re.search(r'name="pages" value="([^"]+)"', asked.text)
        assert sure is not None
        done = await click(client, "/admin/act/pages/pause/chosen/sure", asked.text, pages=sure[1])
        assert done.status_code == 303
        assert paused(pages) == {"0007", "0008"}
        assert "Pages paused: 2." in (await client.get("/admin/pages")).text
        nothing = await click(client, "/admin/act/pages/pause/chosen", page)
        assert nothing.status_code == 303


async def test_all_that_match_are_those_that_were_counted(api: Callable[..., Api], pages: Redis) -> None:
    async with api(admin_token=SECRET) as client:
        await operator(client)
        asked = (await client.get("/admin/act/pages/pause", params={"search": "001"})).text
        assert "Pause 11 pages?" in asked  # 0010 to 0019, and 0001
        pages.sadd(key("pages"), "0010001")  # it has come since: nobody has counted it
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked))
        wrong = await click(client, "/admin/act/pages/pause", asked, **{**fields, "search": ""})
        assert (wrong.status_code, paused(pages)) == (303, set())
        await click(client, "/admin/act/pages/pause", asked, **fields)
        assert paused(pages) == {"0001", *(f"{n:04}" for n in range(10, 20))}


@pytest.mark.parametrize("act", ["pause", "resume", "open", "close", "reset"])
async def test_something_is_done_to_one_page(api: Callable[..., Api], pages: Redis, act: str) -> None:
    async with api(admin_token=SECRET) as client:
        await operator(client)
        asked = await client.get(f"/admin/act/page/{act}/0009")
        assert (asked.status_code, "0009" in asked.text) == (200, True)
        assert (await click(client, f"/admin/act/page/{act}/0009", asked.text)).status_code == 303
        state = pages.hgetall(key("page:0009"))
        assert (state.get(b"paused_until_ms") is not None) == (act == "pause")
        assert (b"breaker" in state) == (act != "close")
        unknown = await click(client, f"/admin/act/page/{act}/nobody", asked.text)
        assert unknown.status_code == 303
        assert "page nobody never had a run" in (await client.get("/admin/pages")).text
        assert (await client.get(f"/admin/act/page/{act}s/0009")).status_code == 404


async def test_who_may_only_look_changes_nothing(api: Callable[..., Api], pages: Redis) -> None:
    async with api(admin_token=SECRET) as client:
        client.headers["Host"] = "localhost"
        for address in ("page/pause/0007", "pages/pause", "pages/pause/chosen", "pages/pause/chosen/sure"):
            response = await client.post(f"/admin/act/{address}", data={"pages": "0007"}, headers=OURS)
            assert response.status_code in (401, 403), address
        await operator(client)
        response = await client.post("/admin/act/page/pause/0007", headers=OURS)  # without the page's proof
        assert response.status_code == 403
        assert paused(pages) == set()


async def test_a_page_and_what_it_says_are_harmless(api: Callable[..., Api], pages: Redis) -> None:
    async with api() as client:
        page = (await client.get("/admin/pages/0007")).text
        assert SAFE in page
        assert "<script>alert" not in page
        assert "run of 7" in page
        assert SAFE in (await client.get("/admin/pages/0009")).text
        assert (await client.get("/admin/pages/never")).status_code == 404


async def test_a_person_and_a_job_are_shown(api: Callable[..., Api], pages: Redis, log_database_url: str) -> None:
    with psycopg.connect(log_database_url) as connection:
        connection.execute(
            "INSERT INTO runs (run_id, page_id, source, state) VALUES ('run of 7', '0007', 'submitted', 'active');"
            "INSERT INTO submitted_runs (run_id, page_id, message) VALUES"
            " ('run of 7', '0007', '{\"text\": \"Hi {{name}}\"}');"
            "INSERT INTO suppressions VALUES ('0007', '1', 'denied', now(), NULL, 'ana', '<b>note</b>')"
        )
        connection.execute(
            "INSERT INTO submitted_recipients VALUES ('run of 7', '1', jsonb_build_object('name', %s::text))",
            (HOSTILE,),
        )
    async with api(log_database_url=log_database_url) as client:
        person = (await client.get("/admin/people/1")).text
        assert "&lt;b&gt;note&lt;/b&gt;" in person
        assert "/admin/jobs/run%20of%207/1" in person
        job = await client.get("/admin/jobs/run%20of%207/1")
        assert SAFE in job.text
        assert "<script>alert" not in job.text + person
        assert "not in any run" in (await client.get("/admin/people/2")).text
