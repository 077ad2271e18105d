"""People sign in, stay so, and are out at once when they shall be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from ops.access import remembered
from ops.access.caller import Role
from ops.access.users import Users
from ops.api.door.same_origin import proof
from tests.integration.api.browsing import OURS, PASSWORD, sign_in
from tests.integration.api.serving import EVERYWHERE, SECRET, Api
from tests.integration.commands.servers import sql

SOMEWHERE = "/stats/queue"


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def test_who_signs_in_is_known_until_they_sign_out(users: Users, closed_api: Callable[..., Api]) -> None:
    async with closed_api() as client:
        assert (await client.get(SOMEWHERE)).status_code == 401
        answer = await sign_in(client, "maria", PASSWORD, next="/admin/runs?x=1")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/runs?x=1")
        assert (await client.get(SOMEWHERE)).status_code == 200
        kept = client.cookies["newar"]
        assert "signed in as maria" in (await client.get("/admin/sign-in")).text
        out = await client.post("/admin/sign-out", data={"csrf": proof(kept.encode())}, headers=OURS)
        assert (out.status_code, out.headers["Location"]) == (303, "/admin/sign-in")
        client.cookies.clear()
        assert (await client.get(SOMEWHERE, headers={"Cookie": f"newar={kept}"})).status_code == 401


@pytest.mark.parametrize("token", ["the viewers token", "the admins token"])
async def test_a_token_of_the_settings_signs_in_while_the_log_database_is_away(
    closed_api: Callable[..., Api], closed_port: int, token: str
) -> None:
    away = f"postgresql://newar:{SECRET}@127.0.0.1:{closed_port}/newar"
    async with closed_api(log_database_url=away) as client:
        refused = await sign_in(client, "maria", PASSWORD)
        assert (refused.status_code, "Users cannot sign in now" in refused.text) == (503, True)
        assert SECRET not in refused.text
        assert (await sign_in(client, "", token)).status_code == 303
        assert (await client.get(SOMEWHERE)).status_code == 200
        assert token not in str(client.cookies)
        kept = client.cookies["newar"]
        client.cookies.clear()
        changed = kept[:-1] + ("A" if kept[-1] != "A" else "B")
        assert (await client.get(SOMEWHERE, headers={"Cookie": f"newar={changed}"})).status_code == 401
        escalated = kept.replace("VIEWER_TOKEN", "ADMIN_TOKEN") if "VIEWER" in kept else kept + "x"
        assert (await client.get(SOMEWHERE, headers={"Cookie": f"newar={escalated}"})).status_code == 401


async def test_who_signed_out_with_a_token_is_out_in_every_process(closed_api: Callable[..., Api]) -> None:
    async with closed_api() as client, closed_api() as other:
        await sign_in(client, "", "the viewers token")
        kept = {"Cookie": f"newar={client.cookies['newar']}"}
        page = (await client.get("/admin/suppressions")).text
        out = await client.post("/admin/sign-out", data={"csrf": csrf_of(page)}, headers=OURS)
        assert out.status_code == 303
        for process in (client, other):
            process.cookies.clear()
            assert (await process.get(SOMEWHERE, headers=kept)).status_code == 401


async def test_with_another_token_its_sessions_are_over(closed_api: Callable[..., Api]) -> None:
    async with closed_api() as client:
        await sign_in(client, "", "the viewers token")
        kept = client.cookies["newar"]
    async with closed_api(viewer_token="another one") as client:
        assert (await client.get(SOMEWHERE, headers={"Cookie": f"newar={kept}"})).status_code == 401


@pytest.mark.parametrize("act", ["remove", "password", "role", "disable"])
async def test_who_was_changed_is_out(users: Users, closed_api: Callable[..., Api], act: str) -> None:
    async with closed_api() as client:
        await sign_in(client, "maria", PASSWORD)
        assert (await client.get(SOMEWHERE)).status_code == 200
        match act:
            case "remove":
                await users.remove("maria", "me@here")
            case "password":
                await users.set_password("maria", "another long secret", "me@here")
            case "role":
                await users.change("maria", "me@here", role=Role.ADMIN)
            case _:
                await users.change("maria", "me@here", disabled=True)
        headers = {**OURS, "X-CSRF-Token": proof(client.cookies["newar"].encode())}
        assert (await client.post("/api/v1/runs?check=1", headers=headers)).status_code == 401
        assert (await client.get(SOMEWHERE)).status_code == 401
        again = await sign_in(client, "maria", PASSWORD)
        assert again.status_code == (303 if act == "role" else 401)


async def test_a_session_ends_when_nobody_uses_it_and_at_its_time(
    users: Users, closed_api: Callable[..., Api], log_database_url: str
) -> None:
    async with closed_api() as client:
        for passed in (
            "UPDATE sessions SET last_seen_at = now() - interval '9 hours'",
            "UPDATE sessions SET expires_at = now()",
        ):
            await sign_in(client, "maria", PASSWORD)
            sql(log_database_url, passed)
            assert (await client.get(SOMEWHERE)).status_code == 401


async def test_nobody_chooses_the_session_of_another(users: Users, closed_api: Callable[..., Api]) -> None:
    """Session fixation: what the browser had before signing in is worth nothing afterwards."""
    async with closed_api() as client:
        client.cookies.set("newar", "chosen-by-somebody-else", domain="localhost.local")
        await sign_in(client, "maria", PASSWORD)
        client.cookies.clear()
        assert (await client.get(SOMEWHERE, headers={"Cookie": "newar=chosen-by-somebody-else"})).status_code == 401


async def test_a_wrong_password_says_no_more_than_an_unknown_name(users: Users, closed_api: Callable[..., Api]) -> None:
    async with closed_api() as client:
        for name in ("maria", "nobody", "MARIA", "maria\0", "", "a" * 70):
            answer = await sign_in(client, name, "a wrong password")
            assert answer.status_code == 401
            said = "Name and password do not belong together" if name else "This is no token"
            assert said in answer.text
            assert "a wrong password" not in answer.text
            assert "newar" not in client.cookies


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "/admin\\@evil.example",
    "/admin/../../evil",
    "/admin/%2e%2E/evil",
    "/administrator",
    "javascript:alert(1)",
    "/admin/sign-out",
    "/admin/\r\nSet-Cookie: a=b",
    "/admin/\u202e",
    "",
)


async def test_signing_in_leads_nowhere_else(users: Users, closed_api: Callable[..., Api]) -> None:
    async with closed_api() as client:
        for target in ELSEWHERE:
            answer = await sign_in(client, "maria", PASSWORD, next=target)
            assert answer.headers["Location"] == "/admin"


async def test_secrets_are_kept_as_hashes_only(
    users: Users, closed_api: Callable[..., Api], log_database_url: str
) -> None:
    key = await users.add_key("crm", Role.VIEWER, None, "me@here")
    async with closed_api() as client:
        await sign_in(client, "maria", PASSWORD)
        secrets = [PASSWORD, key, client.cookies["newar"]]
    for rows in (
        "SELECT t::text FROM users t",
        "SELECT t::text FROM sessions t",
        "SELECT t::text FROM api_keys t",
        "SELECT t::text FROM audit t",
    ):
        held: list[Any] = sql(log_database_url, rows)
        assert held
        assert not [secret for secret in secrets if secret in str(held)]


async def test_the_cookie_is_for_tls_but_on_this_machine(users: Users, closed_api: Callable[..., Api]) -> None:
    async with closed_api() as client:
        near = await client.get("/admin/sign-in", headers={"Host": "localhost:3100"})
        far = await client.get("/admin/sign-in", headers={"Host": "newar.example.com"})
        behind = await client.get("/admin/sign-in", headers={"Host": "localhost", "X-Forwarded-Proto": "https"})
    assert near.headers["Set-Cookie"].startswith("newar-form=")
    assert "Secure" not in near.headers["Set-Cookie"]
    for answer in (far, behind):
        said = answer.headers["Set-Cookie"]
        assert said.startswith("__Host-newar-form=")
        assert all(word in said for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"))


async def test_on_loopback_reading_needs_no_session_and_beyond_it_does(
    users: Users, api: Callable[..., Api], log_database_url: str
) -> None:
    async with api(log_database_url=log_database_url, api_host="127.0.0.1") as client:
        assert (await client.get(SOMEWHERE)).status_code == 200
        assert (await client.get(SOMEWHERE, headers={"Authorization": "Bearer no"})).status_code == 401
    async with api(log_database_url=log_database_url, api_host=EVERYWHERE, admin_token="admin") as client:
        assert (await client.get(SOMEWHERE)).status_code == 401


async def test_who_is_in_stays_so_for_a_while_when_the_log_database_goes(
    users: Users, closed_api: Callable[..., Api], log_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _, name = log_database_url.rpartition("/")
    async with closed_api() as client:
        await sign_in(client, "maria", PASSWORD)
        assert (await client.get(SOMEWHERE)).status_code == 200
        sql(f"{server}/postgres", f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        sql(f"{server}/postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", name)
        headers = {**OURS, "X-CSRF-Token": proof(client.cookies["newar"].encode())}
        assert (await client.post("/api/v1/pause", headers=headers, json={})).status_code == 200
        monkeypatch.setattr(remembered, "STALE_S", 0.0)
        lost = await client.post("/api/v1/resume", headers=headers, json={})
        assert (lost.status_code, "the log database" in lost.text) == (503, True)
        assert (await client.get("/admin/sign-in")).status_code == 200
        await sign_in(client, "", "the admins token")
        headers = {**OURS, "X-CSRF-Token": csrf_of((await client.get("/admin/suppressions")).text)}
        assert (await client.post("/api/v1/resume", headers=headers, json={})).status_code == 200
