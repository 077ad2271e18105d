"""The fixtures: `newar` is the command, `desk` the command with a log database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.unit.command_line import CommandLine, open_command_line

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PROJECT = Path(__file__).parents[3]


@pytest.fixture
def newar(tmp_path: Path, redis_url: str, kafka_bootstrap: str) -> Iterator[CommandLine]:
    """The command with Redis and the broker; no database yet."""
    with open_command_line(tmp_path) as opened:
        opened.set(
            REDIS_URL=redis_url,
            KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap,
            KAFKA_TOPIC=f"t{uuid4().hex}",
            TOKEN_ENCRYPTION_KEY=KEY,
            GRAPH_API_URL="http://127.0.0.1:1",
            API_PORT="0",
            POLL_INTERVAL_MS="50",
            PYTHONPATH=str(PROJECT),
        )
        yield opened


@pytest.fixture
def desk(newar: CommandLine, log_database_url: str) -> CommandLine:
    """The command with a current log database too."""
    newar.set(LOG_DATABASE_URL=log_database_url)
    return newar
