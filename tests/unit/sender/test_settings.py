"""The sender's settings: what people write for the Graph API's address."""

from __future__ import annotations

import pytest

from schema.runtime.settings import SettingsError, load
from sender.settings import SenderSettings

NEEDED = {
    "redis_url": "redis://localhost:6379/0",
    "kafka_bootstrap_servers": "localhost:9092",
    "token_encryption_key": "A" * 43 + "=",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRAPH_API_URL", "GRAPH_API_VERSION"):
        monkeypatch.delenv(name, raising=False)


def _where(**values: str) -> tuple[str, str]:
    settings = load(SenderSettings, env_file=None, **NEEDED, **values)
    return settings.graph_api_url, settings.graph_api_version


@pytest.mark.parametrize(
    ("url", "address", "version"),
    [
        ("https://graph.facebook.com", "https://graph.facebook.com", "v26.0"),
        ("https://graph.facebook.com/", "https://graph.facebook.com", "v26.0"),
        ("https://graph.facebook.com/v25.0", "https://graph.facebook.com", "v25.0"),
        ("https://graph.facebook.com/v25.0/", "https://graph.facebook.com", "v25.0"),
        ("https://graph.facebook.com//V25.0//", "https://graph.facebook.com", "v25.0"),
        ("http://127.0.0.1:8090/stand-in/v9.1", "http://127.0.0.1:8090/stand-in", "v9.1"),
        ("https://graph.facebook.com/v25.0/me", "https://graph.facebook.com/v25.0/me", "v26.0"),
        ("https://v25.0", "https://v25.0", "v26.0"),
    ],
)
def test_a_version_at_the_end_of_the_address_is_the_version(url: str, address: str, version: str) -> None:
    assert _where(graph_api_url=url) == (address, version)


def test_the_same_version_may_be_said_twice() -> None:
    found = _where(graph_api_url="https://graph.facebook.com/v25.0", graph_api_version="v25.0")
    assert found == ("https://graph.facebook.com", "v25.0")


@pytest.mark.parametrize(
    "url",
    [
        "https://graph.facebook.com?x=1",
        "https://graph.facebook.com/v25.0?x=1",
        "https://graph.facebook.com/#top",
        "https://",
        "http://10.0.0.300:8090",
        "https://xn--i-7iq.ws",
    ],
)
def test_an_address_that_no_request_can_have_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^GRAPH_API_URL: (has no host|must be a host)"):
        _where(graph_api_url=url)


def test_advice_shows_no_login() -> None:
    with pytest.raises(SettingsError, match=r"write https://graph\.facebook\.com here") as caught:
        _where(graph_api_url="https://user:secret@graph.facebook.com/v25.0", graph_api_version="v26.0")
    assert "secret" not in str(caught.value)


def test_the_environment_counts_like_any_other_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPH_API_URL", "https://graph.facebook.com/v24.0")
    assert _where() == ("https://graph.facebook.com", "v24.0")


def test_two_versions_are_refused_with_what_to_write() -> None:
    with pytest.raises(SettingsError) as caught:
        _where(graph_api_url="https://graph.facebook.com/v25.0", graph_api_version="v26.0")
    assert caught.value.problems == [
        "GRAPH_API_URL: ends in v25.0, and GRAPH_API_VERSION is v26.0: "
        "write https://graph.facebook.com here, and the version there"
    ]
