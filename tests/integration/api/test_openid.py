"""Signing in through an OpenID provider, with every token that proves nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey
from redis import Redis

from ops.access.caller import Role
from ops.access.users import Users
from schema.keys import key
from tests.integration.api.openid_stand_in import CLIENT, SECRET, Provider, openid_provider
from tests.integration.api.serving import Api
from tests.integration.commands.servers import sql

BACK = "/admin/sign-in/provider/back"
SOMEWHERE = "/stats/queue"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with openid_provider() as opened:
        yield opened


@pytest.fixture
def openid_api(closed_api: Callable[..., Api], provider: Provider) -> Callable[..., Api]:
    def opened(**settings: Any) -> Api:
        return closed_api(
            **{
                "oidc_issuer": provider.issuer,
                "oidc_client_id": CLIENT,
                "oidc_client_secret": SECRET,
                "oidc_redirect_url": f"http://localhost{BACK}",
                "oidc_roles": "admins=admin, team=operator,staff=viewer",
                **settings,
            }
        )

    return opened


def forget_attempts(redis: Redis) -> None:
    for name in redis.scan_iter("*attempts*"):
        redis.delete(name)


async def go_and_come_back(client: httpx.AsyncClient, provider: Provider, **changed: str) -> httpx.Response:
    client.headers["Host"] = "localhost"
    left = await client.get("/admin/sign-in/provider?next=/admin/log")
    assert left.status_code == 303
    assert "SameSite=Lax" in left.headers["Set-Cookie"]
    return await client.get(BACK, params=provider.come(left.headers["Location"]) | changed)


async def test_whom_the_provider_vouches_for_is_in_with_the_role_that_follows(
    openid_api: Callable[..., Api], provider: Provider, log_database_url: str
) -> None:
    async with openid_api() as client:
        page = await client.get("/admin/sign-in", headers={"Host": "localhost"})
        assert "/admin/sign-in/provider?next=" in page.text
        answer = await go_and_come_back(client, provider)
        assert answer.status_code == 200, answer.text
        assert 'content="0;url=/admin/log"' in answer.text
        assert (await client.get(SOMEWHERE)).status_code == 200
        provider.claims = {"groups": "staff"}
        await go_and_come_back(client, provider)
    assert provider.asked["code_challenge_method"] == "S256"
    assert sql(log_database_url, "SELECT name, role, password FROM users") == [("ana@example.com", "viewer", None)]
    whats = [row[0] for row in sql(log_database_url, "SELECT what FROM audit ORDER BY id")]
    assert whats == ["user add", "sign-in", "sign-in"]


NOT_FOR_US_NOW: list[dict[str, Any]] = [
    {"nonce": "another"},
    {"nonce": None},
    {"nonce": 7},
    {"aud": "another"},
    {"aud": None},
    {"aud": ["another", "one more"]},
    {"aud": [CLIENT, "another"]},
    {"aud": [CLIENT, "another"], "azp": "another"},
    {"azp": "another"},
    {"iss": "https://evil.example"},
    {"iss": None},
    {"exp": int(time.time()) - 3600},
    {"exp": None},
    {"iat": None},
    {"sub": None},
    {"nbf": int(time.time()) + 3600},
]


async def test_a_token_that_is_not_for_us_now_proves_nothing(
    openid_api: Callable[..., Api], provider: Provider, redis: Redis
) -> None:
    async with openid_api() as client:
        for claims in NOT_FOR_US_NOW:
            provider.claims = claims
            answer = await go_and_come_back(client, provider)
            assert (answer.status_code, "Please try again" in answer.text) == (503, True), claims
            assert "newar" not in client.cookies
            forget_attempts(redis)
    assert len(redis.xrange(key("audit"))) == len(NOT_FOR_US_NOW)  # type: ignore[arg-type]


async def test_a_token_that_the_provider_did_not_sign_proves_nothing(
    openid_api: Callable[..., Api], provider: Provider
) -> None:
    forger = RSAKey.generate_key(2048, {"kid": "one"})
    both_know, known_to_all = OctKey.import_key(SECRET * 3), OctKey.import_key(provider.key.as_pem(private=False).hex())
    async with openid_api() as client:
        for signed_by, algorithm in ((forger, "RS256"), (both_know, "HS256"), (known_to_all, "HS256"), (None, "none")):
            provider.header = {"alg": algorithm, "kid": "one"}
            provider.unsigned = signed_by is None
            provider.signed_by = signed_by or provider.key
            assert (await go_and_come_back(client, provider)).status_code == 503, algorithm
            assert "newar" not in client.cookies


async def test_who_comes_back_otherwise_than_they_left_is_not_in(
    openid_api: Callable[..., Api], provider: Provider
) -> None:
    async with openid_api() as client:
        for changed in ({"state": "another"}, {"state": ""}, {"code": ""}, {"code": "stolen"}):
            assert (await go_and_come_back(client, provider, **changed)).status_code in (401, 403, 503)
            assert "newar" not in client.cookies


async def test_the_way_back_of_somebody_else_signs_nobody_in(
    openid_api: Callable[..., Api], provider: Provider
) -> None:
    """Login CSRF: an attacker sends the victim's browser to the end of a sign-in of their own."""
    async with openid_api() as attacker, openid_api() as victim:
        attacker.headers["Host"] = victim.headers["Host"] = "localhost"
        left = await attacker.get("/admin/sign-in/provider")
        params = provider.come(left.headers["Location"])
        assert (await victim.get(BACK, params=params)).status_code == 403


async def test_who_has_no_role_there_or_the_name_of_another_may_not_come_in(
    openid_api: Callable[..., Api], provider: Provider, users: Users
) -> None:
    async with openid_api() as client:
        for claims in ({"groups": ["others"]}, {"groups": None}, {"groups": 5}, {"groups": [5, None]}):
            provider.claims = claims
            answer = await go_and_come_back(client, provider)
            assert (answer.status_code, "no role follows" in answer.text) == (403, True)
        provider.claims = {"email": "maria", "groups": ["admins"]}
        answer = await go_and_come_back(client, provider)
        assert (answer.status_code, "another user has the name" in answer.text) == (403, True)
        provider.claims = {}
        assert (await go_and_come_back(client, provider)).status_code == 200
        await users.change("ana@example.com", "me@here", disabled=True)
        assert (await go_and_come_back(client, provider)).status_code == 403
    assert {user.name: user.role for user in await users.all()} == {
        "ana@example.com": Role.OPERATOR.name.lower(),
        "joao": "viewer",
        "maria": "operator",
    }


async def test_hostile_names_of_a_provider_are_harmless(openid_api: Callable[..., Api], provider: Provider) -> None:
    provider.claims = {"email": "<script>alert(1)</script>\u202e" + 200 * "x", "groups": ["none"]}
    async with openid_api() as client:
        answer = await go_and_come_back(client, provider)
    assert (answer.status_code, "<script" in answer.text, "\u202e" in answer.text) == (403, False, False)


async def test_a_provider_that_is_away_is_said(openid_api: Callable[..., Api], closed_port: int) -> None:
    async with openid_api(oidc_issuer=f"http://127.0.0.1:{closed_port}") as client:
        answer = await client.get("/admin/sign-in/provider")
    assert (answer.status_code, "cannot be asked" in answer.text, SECRET in answer.text) == (503, True, False)


async def test_a_provider_that_calls_itself_otherwise_is_refused(
    openid_api: Callable[..., Api], provider: Provider
) -> None:
    async with openid_api(oidc_issuer=f"{provider.issuer}/") as client:
        assert (await client.get("/admin/sign-in/provider")).status_code == 503
