"""What the doctor says of a Graph API that cannot be reached: the reason itself, not the name of an error."""

from __future__ import annotations

import pytest

from ops.doctor.graph_api import check_graph
from schema.runtime.settings import load
from sender.settings import SenderSettings
from tests.ports import free_port

NEEDED = {
    "redis_url": "redis://localhost:6379/0",
    "kafka_bootstrap_servers": "localhost:9092",
    "token_encryption_key": "A" * 43 + "=",
}


def _settings(url: str) -> SenderSettings:
    return load(SenderSettings, env_file=None, **NEEDED, graph_api_url=url)


async def test_nobody_there() -> None:
    [finding] = await check_graph(_settings(f"http://127.0.0.1:{free_port()}"))
    assert finding.status == "fail"
    assert finding.text.startswith("connect: 127.0.0.1 port ")


async def test_a_proxy_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "https://proxy.example.com:3128")
    [finding] = await check_graph(_settings("https://graph.facebook.com"))
    assert finding.status == "fail"
    assert finding.text.startswith("HTTPS_PROXY must be http://host:port")
