"""Who a request is from, decided on headers alone."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from ops.access.notes import Notes
from ops.access.proxies import sign_of_proxy
from ops.api.door.access import Access, BadCredentials
from tests.unit.api.contents import api_settings


class NothingNoted(Notes):
    def __init__(self) -> None:
        pass

    async def refused(self, *words: str) -> None:
        pass


def access(**fields: Any) -> Access:
    made = Access(api_settings(**fields), Redis())  # which nobody asks
    made.notes = NothingNoted()
    return made


async def may_read(access: Access, header: str | None, where: str = "127.0.0.1") -> bool:
    try:
        arrival = await access.arrival(header, None, where, "GET")
    except BadCredentials:
        return False
    return arrival.caller is not None


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


async def test_loopback_without_a_viewer_token_is_open() -> None:
    assert await may_read(access(), None)
    assert await may_read(access(admin_token="admin"), None)
    assert not await may_read(access(), None, "192.0.2.1"), "somebody whom a proxy on this machine speaks for"


@pytest.mark.parametrize(
    ("headers", "http_version", "sign"),
    [
        (["Host", "Accept", "X-Requested-With", "X-CSRF-Token"], "1.1", None),
        ([], "2", None),
        (["Host", "X-Forwarded-For"], "1.1", "X-Forwarded-For"),
        (["x-forwarded-proto"], "2", "x-forwarded-proto"),
        (["FORWARDED"], "1.1", "FORWARDED"),
        (["Via"], "1.1", "Via"),
        (["X-Real-Ip"], "1.1", "X-Real-Ip"),
        (["Host"], "1.0", "HTTP/1.0"),
    ],
)
async def test_nobody_is_on_this_machine_who_comes_through_a_proxy(
    headers: list[str], http_version: str, sign: str | None
) -> None:
    assert sign_of_proxy(headers, http_version) == sign
    with capture_logs() as logs:
        asked = access()
        for _ in range(2):
            found = await asked.arrival(None, None, "127.0.0.1", "GET", proxy=sign_of_proxy(headers, http_version))
            assert (found.caller is None) is (sign is not None)
    assert [entry["sign"] for entry in logs] == ([sign] if sign else []), "told once"


async def test_a_named_proxy_that_says_nothing_is_not_somebody_on_this_machine() -> None:
    assert not await may_read(access(trusted_proxies="127.0.0.0/8"), None)
    assert await may_read(access(trusted_proxies="10.0.0.0/8"), None)


async def test_a_viewer_token_closes_loopback_too() -> None:
    guarded = access(viewer_token="viewer")
    assert not await may_read(guarded, None)
    assert await may_read(guarded, "Bearer viewer")


async def test_both_tokens_read_beyond_loopback() -> None:
    outside = access(api_host="0.0.0.0", admin_token="admin", viewer_token="viewer")  # noqa: S104 - the case
    assert await may_read(outside, "Bearer admin")
    assert await may_read(outside, "bearer viewer")
    assert await may_read(outside, basic("anyone", "viewer"))
    assert await may_read(outside, basic("", "admin"))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer viewer2",
        "Digest viewer",
        "viewer",
        "Basic viewer",
        "Basic ====",
        "Basic " + b64encode(b"viewer").decode(),
        basic("viewer", ""),
        "Bearer vi\u00e9wer",
    ],
)
async def test_anything_else_does_not_read(header: str | None) -> None:
    assert not await may_read(access(viewer_token="viewer"), header)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:3100", "127.0.0.1:80", "127.0.0.1", "[::1]:3100", "[::1]"])
async def test_loopback_names_are_allowed_with_any_port(host: str) -> None:
    assert access().host_allowed(host)


@pytest.mark.parametrize("host", [None, "", "evil.example", "evil.example:3100", "127.0.0.1.evil.example", "[::2]:1"])
async def test_foreign_names_are_refused_on_loopback(host: str | None) -> None:
    assert not access().host_allowed(host)


async def test_the_configured_loopback_address_is_allowed() -> None:
    assert access(api_host="127.0.0.5").host_allowed("127.0.0.5:3100")


async def test_beyond_loopback_any_name_may_be_used() -> None:
    assert access(api_host="0.0.0.0", viewer_token="v").host_allowed("newar.example.com")  # noqa: S104 - the case
