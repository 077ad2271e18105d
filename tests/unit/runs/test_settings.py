"""Settings of the run processor."""

from __future__ import annotations

import pytest

from schema.runtime.settings import SettingsError, load
from sender.message.form.form_rules import RULES
from sender.runs.settings import MessageRulesSettings, RunsSettings

GOOD = {
    "REDIS_URL": "redis://localhost:6379/0",
    "LOG_DATABASE_URL": "postgresql://localhost/log",
    "TOKEN_ENCRYPTION_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
}


def test_interval_and_chunk_have_the_documented_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    settings = load(RunsSettings, env_file=None)
    assert (settings.poll_interval_ms, settings.enqueue_chunk, settings.drain_timeout_ms) == (10_000, 5_000, 30_000)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", set()),
        ("url", {"url"}),
        (" button-title , quick-reply-title,, ", {"button-title", "quick-reply-title"}),
    ],
)
def test_rules_of_a_message_are_switched_off_by_name(
    monkeypatch: pytest.MonkeyPatch, value: str, names: set[str]
) -> None:
    monkeypatch.setenv("MESSAGE_RULES_OFF", value)
    assert load(MessageRulesSettings, env_file=None).rules_off == names


def test_a_rule_that_does_not_exist_is_told_with_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSAGE_RULES_OFF", "url,button_title,Url")
    with pytest.raises(SettingsError) as caught:
        load(MessageRulesSettings, env_file=None)
    [problem] = caught.value.problems
    assert problem.startswith("MESSAGE_RULES_OFF: Url, button_title: no such rule; write names of whole-request, ")
    assert all(name in problem for name in RULES)


def test_every_bad_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENQUEUE_CHUNK", "0")
    monkeypatch.setenv("POLL_INTERVAL_MS", "soon")
    with pytest.raises(SettingsError) as caught:
        load(RunsSettings, env_file=None)
    assert {line.split()[0].rstrip(":") for line in caught.value.problems} == {
        *GOOD,
        "ENQUEUE_CHUNK",
        "POLL_INTERVAL_MS",
    }
