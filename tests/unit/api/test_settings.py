"""The settings of `newar api`."""

from __future__ import annotations

import pytest

from ops.api.settings import ApiSettings, guarded, is_loopback
from schema.runtime.settings import SettingsError, load
from tests.unit.api.contents import api_settings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - the case under test


def test_only_redis_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "LOG_DATABASE_URL", "SOURCE_DATABASE_URL", "SUPABASE_DB_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError) as caught:
        load(ApiSettings, env_file=None)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith("REDIS_URL is not set")


def test_optional_addresses_are_checked_when_they_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://localhost")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "no port")
    monkeypatch.setenv("LOG_DATABASE_URL", "mysql://nobody:hidden@localhost/x")
    with pytest.raises(SettingsError) as caught:
        load(ApiSettings, env_file=None)
    assert sorted(problem.split(":")[0] for problem in caught.value.problems) == [
        "KAFKA_BOOTSTRAP_SERVERS",
        "LOG_DATABASE_URL",
    ]
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *((host, True) for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]")),
        *((host, False) for host in (EVERYWHERE, "::", "10.0.0.1", "newar.example.com", "")),
    ],
)
def test_loopback_is_recognised(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_nobody_is_let_in_from_outside_without_a_token() -> None:
    settings = api_settings(api_host=EVERYWHERE)
    with pytest.raises(SettingsError, match="ADMIN_TOKEN="):
        guarded(settings, terminal=False)


def test_on_a_terminal_a_token_is_made_up_and_shown() -> None:
    settings, shown = guarded(api_settings(api_host=EVERYWHERE), terminal=True)
    assert shown is not None
    assert len(shown) >= 32
    assert settings.admin_token is not None
    assert settings.admin_token.get_secret_value() == shown
    assert guarded(settings, terminal=False) == (settings, None)


@pytest.mark.parametrize(
    ("terminal", "users", "made_up"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_on_loopback_a_token_is_made_up_where_nobody_could_sign_in(terminal: bool, users: bool, made_up: bool) -> None:
    settings, shown = guarded(api_settings(), terminal=terminal, users=users)
    assert (shown is not None, settings.admin_token is not None) == (made_up, made_up)


def test_a_token_that_is_set_is_not_replaced() -> None:
    settings = api_settings(viewer_token="viewer")
    assert guarded(settings, terminal=True) == (settings, None)
