"""The fixture of the command line's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.command_line import CommandLine, open_command_line


@pytest.fixture
def newar(tmp_path: Path) -> Iterator[CommandLine]:
    """The command, in an empty folder and without settings."""
    with open_command_line(tmp_path) as opened:
        yield opened
