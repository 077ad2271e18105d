"""What another site makes a browser send changes nothing; programs with a Bearer token are not asked where they are."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import httpx

from ops.access.caller import Role
from ops.access.users import Users
from ops.api.door.same_origin import proof
from tests.integration.api.browsing import BROWSER, OURS, PASSWORD, sign_in
from tests.integration.api.serving import Api

CHANGE = "/api/v1/resume"
LET_IN = 200
BASIC = "Basic " + b64encode(b"x:the admins token").decode()


async def send(client: httpx.AsyncClient, **headers: str) -> int:
    return (await client.post(CHANGE, headers=headers)).status_code


SITES: tuple[tuple[dict[str, str], bool, int], ...] = (
    ({"Sec-Fetch-Site": "same-origin"}, True, LET_IN),
    ({"Origin": "http://localhost"}, True, LET_IN),
    ({"Origin": "HTTP://LOCALHOST:80"}, True, LET_IN),
    ({"Sec-Fetch-Site": "same-origin"}, False, 403),
    ({"Sec-Fetch-Site": "cross-site"}, True, 403),
    ({"Sec-Fetch-Site": "same-site"}, True, 403),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, True, 403),
    ({"Origin": "https://evil.example"}, True, 403),
    ({"Origin": "http://localhost.evil.example"}, True, 403),
    ({"Origin": "http://localhost:8080"}, True, 403),
    ({"Origin": "null"}, True, 403),
    ({"Origin": "http://[::"}, True, 403),
    ({"Origin": ""}, True, 403),
    ({}, True, 403),
)
"""What a browser says of the page, whether the proof comes with it, and what follows."""


class TestSessionCookie:
    async def test_a_change_needs_our_page_and_its_proof(self, users: Users, closed_api: Callable[..., Api]) -> None:
        async with closed_api() as client:
            await sign_in(client, "maria", PASSWORD)
            given = {"X-CSRF-Token": proof(client.cookies["newar"].encode())}
            for site, proven, status in SITES:
                assert await send(client, **site, **(given if proven else {})) == status, site

    async def test_the_proof_of_another_session_is_none(self, users: Users, closed_api: Callable[..., Api]) -> None:
        async with closed_api() as client:
            await sign_in(client, "joao", PASSWORD)
            others = proof(client.cookies["newar"].encode())
            await sign_in(client, "maria", PASSWORD)
            for token in (others, "", "\u00e9", "x" * 9000):
                sent = {b"X-CSRF-Token": token.encode("latin-1"), b"Sec-Fetch-Site": b"same-origin"}
                assert (await client.post(CHANGE, headers=list(sent.items()))).status_code == 403

    async def test_a_form_carries_the_proof_as_a_field(self, users: Users, closed_api: Callable[..., Api]) -> None:
        async with closed_api() as client:
            await sign_in(client, "maria", PASSWORD)
            token = proof(client.cookies["newar"].encode())
            for form in ({"data": {"csrf": token}}, {"data": {"csrf": token}, "files": {"file": b"x"}}):
                answer = await client.post(CHANGE, headers=OURS, **form)
                assert answer.status_code in (LET_IN, 415)  # it takes JSON alone
            assert (await client.post(CHANGE, headers=OURS, data={"csrf": "x"})).status_code == 403


async def test_basic_needs_the_same_and_bearer_nothing(users: Users, closed_api: Callable[..., Api]) -> None:
    key = await users.add_key("crm", Role.OPERATOR, None, "me@here")
    async with closed_api() as client:
        assert await send(client, Authorization=BASIC) == 403
        assert await send(client, Authorization=BASIC, **OURS) == 403
        given = {"X-CSRF-Token": proof(b"the admins token")}
        assert await send(client, Authorization=BASIC, **OURS, **given) == LET_IN
        foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://tool.example"}
        for token in ("the admins token", key):
            assert await send(client, Authorization=f"Bearer {token}", **foreign) == LET_IN
        assert await send(client, Authorization=f"Bearer {key}x") == 401


async def test_another_site_signs_nobody_in(users: Users, closed_api: Callable[..., Api]) -> None:
    """Login CSRF: or else people would work as somebody whom the attacker watches."""
    foreign: tuple[dict[str, str], ...] = (
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {},
        {"Origin": "null"},
    )
    async with closed_api() as client:
        client.headers["Host"] = "localhost"
        await client.get("/admin/sign-in")
        form = {"name": "maria", "password": PASSWORD, "csrf": proof(client.cookies["newar-form"].encode())}
        for headers in foreign:
            assert (await client.post("/admin/sign-in", data=form, headers=headers)).status_code == 403
        assert (await client.post("/admin/sign-in", data=form | {"csrf": "x"}, headers=OURS)).status_code == 403
        client.cookies.clear()
        assert (await client.post("/admin/sign-in", data=form, headers=OURS)).status_code == 403
        assert "newar" not in client.cookies


async def test_on_loopback_another_site_gets_nothing_done_either(api: Callable[..., Api]) -> None:
    async with api() as client:
        assert await send(client, Origin="https://evil.example") == 403


class TestBrowserThatIsNotKnown:
    async def test_it_is_sent_to_the_sign_in_page(self, closed_api: Callable[..., Api]) -> None:
        async with closed_api() as client:
            answer = await client.get("/admin/runs/a?b=c", headers=BROWSER)
            assert answer.status_code == 303
            assert answer.headers["Location"] == "/admin/sign-in?next=%2Fadmin%2Fruns%2Fa%3Fb%3Dc"
            page = await client.get(answer.headers["Location"])
            assert 'name="next" value="/admin/runs/a?b=c"' in page.text
            assert (await client.get("/", headers=BROWSER)).status_code == 303
            assert (await client.post("/admin/x", headers=BROWSER)).headers["Location"] == "/admin/sign-in"

    async def test_it_asks_for_no_password_in_a_window_of_its_own(self, closed_api: Callable[..., Api]) -> None:
        async with closed_api() as client:
            for path, headers in (
                ("/admin/queues", {}),
                ("/api/v1/overview", {"Sec-Fetch-Mode": "cors"}),
                ("/api/v1/overview", {"Cookie": "newar=over"}),
            ):
                answer = await client.get(path, headers=headers)
                assert (answer.status_code, "WWW-Authenticate" in answer.headers) == (401, False)
            answer = await client.get("/admin/queues", headers={"Newar-Fragment": "1"})
            assert answer.status_code == 401

    async def test_a_link_from_elsewhere_is_followed_once_more_from_here(
        self, users: Users, closed_api: Callable[..., Api]
    ) -> None:
        """The first time a browser keeps the cookie to itself, as SameSite=Strict says."""
        headers = {**BROWSER, "Sec-Fetch-Site": "cross-site"}
        async with closed_api() as client:
            answer = await client.get('/admin/runs/%22><script>alert(1)</script>?x="', headers=headers)
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert '<meta http-equiv="refresh" content="0;url=/admin/runs/' in answer.text


async def test_hostile_forms_are_answered(closed_api: Callable[..., Api]) -> None:
    async with closed_api() as client:
        client.headers["Host"] = "localhost"
        large: Any = {"name": "a", "password": "x" * 70_000}
        assert (await client.post("/admin/sign-in", data=large, headers=OURS)).status_code == 413
        for body, kind in (
            (b"\xff\xfe=%zz&csrf", "application/x-www-form-urlencoded"),
            (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
            (b"--x", "multipart/form-data"),
            (b"{}", "application/json"),
            (b"csrf=" + 60_000 * b"&", "application/x-www-form-urlencoded"),
        ):
            answer = await client.post("/admin/sign-in", content=body, headers={**OURS, "Content-Type": kind})
            assert answer.status_code in (400, 403, 413), kind
