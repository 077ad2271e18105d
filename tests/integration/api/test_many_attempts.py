"""Whoever tries many passwords or tokens waits, and the trail of it stays small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from redis import Redis

from ops.access.caller import Role
from ops.access.secret_texts import KEY_PREFIX
from ops.access.users import Users
from schema.keys import key
from tests.integration.api.browsing import PASSWORD, sign_in
from tests.integration.api.serving import Api


def noted(redis: Redis) -> list[tuple[str, str, str, str]]:
    entries: Any = redis.xrange(key("audit"))
    return [tuple(e[name].decode() for name in (b"who", b"what", b"target", b"detail")) for _, e in entries]


async def test_after_five_wrong_passwords_a_name_waits_in_every_process(
    redis: Redis, users: Users, closed_api: Callable[..., Api]
) -> None:
    async with closed_api() as client, closed_api() as other:
        for _ in range(5):
            assert (await sign_in(client, "maria", "a wrong password")).status_code == 401
        for process in (client, other):
            answer = await sign_in(process, "maria", PASSWORD)
            assert (answer.status_code, "try again in" in answer.text) == (429, True)
        assert (await sign_in(other, "joao", PASSWORD)).status_code == 303
    assert [entry[1:] for entry in noted(redis)] == 5 * [("sign-in refused", "maria", "wrong password")]
    assert noted(redis)[0][0] == "anybody@127.0.0.1"
    assert all(redis.ttl(name) > 0 for name in redis.scan_iter("*attempts*"))


async def test_many_names_from_one_address_wait_too(redis: Redis, users: Users, closed_api: Callable[..., Api]) -> None:
    async with closed_api() as client:
        for number in range(10):
            assert (await sign_in(client, f"my-secret-{number}", "x")).status_code == 401
        assert (await sign_in(client, "maria", PASSWORD)).status_code == 429
    assert {entry[1:] for entry in noted(redis)} == {("sign-in refused", "", "unknown name")}


async def test_who_succeeds_is_free_again(redis: Redis, users: Users, closed_api: Callable[..., Api]) -> None:
    async with closed_api() as client:
        for _ in range(3):
            for _ in range(3):
                await sign_in(client, "maria", "a wrong password")
            assert (await sign_in(client, "maria", PASSWORD)).status_code == 303


async def test_attempts_are_counted_while_redis_is_away(
    users: Users, closed_api: Callable[..., Api], closed_port: int
) -> None:
    async with closed_api(redis_url=f"redis://127.0.0.1:{closed_port}") as client:
        for _ in range(5):
            assert (await sign_in(client, "maria", "a wrong password")).status_code == 401
        assert (await sign_in(client, "maria", PASSWORD)).status_code == 429
        assert (await sign_in(client, "", "the admins token")).status_code == 303


async def test_a_flood_of_wrong_tokens_is_noted_in_few_entries_and_asks_no_database(
    redis: Redis, users: Users, closed_api: Callable[..., Api]
) -> None:
    secret = await users.add_key("crm", Role.VIEWER, None, "me@here")

    async def status(client: httpx.AsyncClient, token: str) -> int:
        return (await client.get("/stats/queue", headers={"Authorization": f"Bearer {token}"})).status_code

    async with closed_api() as client:
        assert await status(client, secret) == 200
        statuses = [await status(client, f"{KEY_PREFIX}{number}") for number in range(60)]
        assert statuses[:30] == 30 * [401]
        assert statuses[-1] == 429
        assert await status(client, secret) == 200  # it is known
        assert await status(client, "the admins token") == 200
        assert await status(client, "some other text") == 401
    assert len(noted(redis)) == 20
    assert KEY_PREFIX not in str(noted(redis))
    assert noted(redis)[0][1:] == ("token refused", "", "by Bearer")


async def test_signing_in_and_out_with_a_token_of_the_settings_is_on_record(
    redis: Redis, closed_api: Callable[..., Api]
) -> None:
    async with closed_api() as client:
        await sign_in(client, "", "the admins token")
        csrf = (await client.get("/admin/sign-in")).text  # a page of ours
        assert "signed in as ADMIN_TOKEN" in csrf
    assert noted(redis) == [("ADMIN_TOKEN@127.0.0.1", "sign-in", "ADMIN_TOKEN", "")]
