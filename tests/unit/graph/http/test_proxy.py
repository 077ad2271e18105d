from __future__ import annotations

import pytest

from sender.graph.http.origin import Origin
from sender.graph.http.proxy import ProxySettings

GRAPH = Origin(tls=True, host="graph.facebook.com", port=443)


def test_a_proxy_url_gives_host_port_and_credentials() -> None:
    proxy = ProxySettings.from_url("http://ann:p%40ss@proxy.example:3128", "a, b")
    assert proxy == ProxySettings("proxy.example", 3128, "Basic YW5uOnBAc3M=", "a, b")
    assert "YW5u" not in repr(proxy)
    assert "p%40ss" not in repr(proxy)


def test_a_proxy_url_may_lack_scheme_port_and_credentials() -> None:
    assert ProxySettings.from_url("proxy.example") == ProxySettings("proxy.example", 80)


@pytest.mark.parametrize("url", ["https://ann:secret@proxy", "socks5://ann:secret@proxy:1080", "http://"])
def test_other_proxies_are_refused_without_showing_credentials(url: str) -> None:
    with pytest.raises(ValueError, match="HTTPS_PROXY must be") as caught:
        ProxySettings.from_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("no_proxy", "proxied"),
    [
        ("", True),
        (",", True),
        ("*", False),
        ("graph.facebook.com", False),
        ("GRAPH.facebook.com", False),
        ("graph.facebook.com:443", False),
        ("graph.facebook.com:8443", True),
        ("other.example, .facebook.com", False),
        ("facebook.com", False),
        ("ebook.com", True),
    ],
)
def test_no_proxy_names_hosts_and_their_subdomains(no_proxy: str, proxied: bool) -> None:
    assert ProxySettings("proxy", 80, None, no_proxy).applies_to(GRAPH) is proxied


@pytest.mark.parametrize(
    "origin",
    [
        Origin(tls=False, host="graph.facebook.com", port=80),
        Origin(tls=True, host="localhost", port=443),
        Origin(tls=True, host="127.0.0.9", port=443),
        Origin(tls=True, host="::1", port=443),
    ],
)
def test_plain_and_loopback_connections_go_directly(origin: Origin) -> None:
    assert not ProxySettings("proxy", 80).applies_to(origin)


def test_the_environment_is_read_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert ProxySettings.from_environment() is None
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:8080")
    monkeypatch.setenv("NO_PROXY", "internal")
    assert ProxySettings.from_environment() == ProxySettings("proxy", 8080, None, "internal")
