"""Commands are imported when they are asked for, and the lists of them say what they say themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer.main

from ops.cli import app
from ops.shell.late_commands import LateGroup
from tests.imported import imported_by

LIBRARIES = {"aiokafka", "cryptography", "httpx", "jinja2", "openpyxl", "psycopg", "quart", "redis", "rich", "trio"}


@pytest.mark.parametrize("name", [None, "run"])
def test_a_list_of_commands_says_what_each_says_of_itself(name: str | None) -> None:
    root: Any = typer.main.get_command(app)
    group: Any = root if name is None else root.get_command(None, name)
    assert isinstance(group, LateGroup)
    for command, late in group.table.items():
        assert late.help == group.get_command(None, command).get_short_help_str(10_000), command
        assert isinstance(group.get_command(None, command), typer.core.TyperGroup) == late.is_group, command


def test_help_imports_neither_commands_nor_libraries(tmp_path: Path) -> None:
    imported = imported_by("--help", folder=tmp_path)
    assert imported & {*LIBRARIES, "pydantic", "pydantic_settings", "structlog"} == set()
    assert "typer" in imported


def test_the_health_check_of_the_api_imports_no_library_for_servers(tmp_path: Path) -> None:
    assert imported_by("health", "api", folder=tmp_path, API_PORT="1") & {*LIBRARIES, "structlog"} == set()
