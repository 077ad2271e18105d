"""Who a request came from: what proxies say, and what anybody could have written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.access.proxies import TrustedProxies, networks

PROXIES = TrustedProxies("10.0.0.1, 10.1.0.0/16,fd00::1")


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # no proxy of ours: its word does not count
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.7", "203.0.113.7"),  # the first was written by the client
        ("10.0.0.1", "1.2.3.4, 203.0.113.7, 10.1.2.3", "203.0.113.7"),  # through two of ours
        ("10.0.0.1", "10.1.2.3", "10.1.2.3"),  # from one of ours itself
        ("10.0.0.1", "203.0.113.7, unknown", "10.0.0.1"),
        ("10.0.0.1", "unknown, 10.1.2.3", "10.1.2.3"),
        ("10.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", ", ,", "10.0.0.1"),
        ("", "203.0.113.7", ""),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours_is_the_client(peer: str, said: str | None, client: str) -> None:
    headers = [(b"Host", b"x")] + ([(b"X-Forwarded-For", said.encode())] if said is not None else [])
    assert PROXIES.client(peer, headers) == client


def test_several_headers_are_one_list() -> None:
    headers = [(b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded-for", b"203.0.113.7")]
    assert PROXIES.client("10.0.0.1", headers) == "203.0.113.7"


def test_without_proxies_nobodys_word_counts() -> None:
    assert TrustedProxies(None).client("127.0.0.1", [(b"x-forwarded-for", b"1.2.3.4")]) == "127.0.0.1"


@given(st.binary())
def test_whatever_a_proxy_says_gives_an_address(said: bytes) -> None:
    assert PROXIES.client("10.0.0.1", [(b"x-forwarded-for", said)])


@pytest.mark.parametrize("text", ["10.0.0", "proxy.example.com", "10.0.0.1/8", "10.0.0.1;10.0.0.2"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no address and no network"):
        networks(text)
