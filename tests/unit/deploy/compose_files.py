"""The Compose files as Compose reads them: what a service extends is filled in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.unit.deploy.files import DEPLOY, ROOT, read_yaml

WHOLE = ROOT / "compose.yaml"
OWN_SERVERS = ROOT / "compose.own-servers.yaml"
MONITORING = ROOT / "compose.monitoring.yaml"
SERVICES = DEPLOY / "compose.services.yaml"
FILES = (WHOLE, OWN_SERVERS, MONITORING, SERVICES)

MADE_UP = {
    "POSTGRES_PASSWORD": "abc",
    "ADMIN_TOKEN": "a",
    "VIEWER_TOKEN": "v",
    "TOKEN_ENCRYPTION_KEY": 43 * "A" + "=",
    "REDIS_URL": "redis://redis.example.com",
    "LOG_DATABASE_URL": "postgresql://db.example.com/newar",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka.example.com:9092",
}
"""What a filled-in `.env` may say."""


def services(file: Path) -> dict[str, dict[str, Any]]:
    """Return the services of a file, each with what it extends."""
    return {name: _extended(service, file.parent) for name, service in read_yaml(file)["services"].items()}


def _extended(service: dict[str, Any], folder: Path) -> dict[str, Any]:
    whole = dict(service)
    if not (extends := whole.pop("extends", None)):
        return whole
    base = _extended(read_yaml(folder / extends["file"])["services"][extends["service"]], folder)
    for key in ("environment", "depends_on"):
        if both := {**base.get(key, {}), **whole.get(key, {})}:
            whole[key] = both
    return {**base, **whole}


def filled(value: object, env: dict[str, str]) -> str:
    """Fill in variables as Compose does, innermost first."""
    text = str(value or "")
    while found := re.search(r"\$\{(\w+)(?::[-?]([^{}]*))?\}", text):
        text = text[: found.start()] + (env.get(found[1]) or found[2] or "") + text[found.end() :]
    return text
