"""Commands that are run often import what their question needs, and not what others need."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.imported import imported_by
from tests.unit.command_line import CommandLine

LIBRARIES = {"aiokafka", "httpx", "jinja2", "openpyxl", "quart"}


@pytest.mark.parametrize("service", ["runs", "sender", "ingest"])
def test_a_health_check_imports_redis_and_no_more(tmp_path: Path, redis_url: str, service: str) -> None:
    imported = imported_by("health", service, folder=tmp_path, REDIS_URL=redis_url)
    assert imported & {*LIBRARIES, "psycopg", "pydantic_settings", "rich", "structlog", "trio"} == set()
    assert "redis" in imported


def test_looking_at_a_run_imports_neither_broker_nor_graph_nor_pages(
    tmp_path: Path, redis_url: str, log_database_url: str
) -> None:
    words = ("run", "show", "nothing")
    imported = imported_by(*words, folder=tmp_path, REDIS_URL=redis_url, LOG_DATABASE_URL=log_database_url)
    assert imported & LIBRARIES == set()
    assert {"redis", "psycopg"} <= imported


@pytest.mark.parametrize("url", ["http://x:secret@y", "redis://h?bogus=secret", "redis://:se@cret@["])
def test_a_health_check_says_what_is_wrong_with_an_address_as_services_do(newar: CommandLine, url: str) -> None:
    newar.set(REDIS_URL=url)
    result = newar("health", "sender")
    assert result.exit_code == 2
    assert result.stderr.startswith("newar: REDIS_URL: ")
    assert "secret" not in result.output


def test_a_health_check_reads_the_originals_names(newar: CommandLine, redis_url: str) -> None:
    url = urlsplit(redis_url)
    newar.file(".env", f"REDIS_HOST={url.hostname}\nREDIS_PORT={url.port}\nREDIS_PASSWORD={url.password or ''}\n")
    assert newar("health", "sender").stdout == "sender: no process of this host reports to Redis\n"
