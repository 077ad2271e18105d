"""Settings of the run processor."""

from __future__ import annotations

import pytest

from schema.runtime.settings import SettingsError, load
from sender.runs.settings import RunsSettings

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
