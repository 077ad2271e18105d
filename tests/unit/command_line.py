"""Running `newar` in this process, in an environment that holds nothing of ours but what a test gives it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.settings.ignored_names import known_names
from schema.runtime.old_names import OLD_NAMES


class CommandLine:
    """Calls commands in an empty folder of its own."""

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._environment = environment
        for name in list(os.environ):
            if name.upper() in known_names() | OLD_NAMES.keys() or name.startswith("NEWAR_"):
                environment.delenv(name)
        environment.chdir(folder)

    def set(self, **variables: str) -> None:
        """Add to the environment of the commands that follow."""
        for name, value in variables.items():
            self._environment.setenv(name, value)

    def file(self, name: str, text: str) -> str:
        """Write a file into the folder; return its name."""
        (self.folder / name).write_text(text, "utf-8")
        return name

    def __call__(self, *words: str, stdin: str = "") -> Result:
        """Run a command to its end."""
        return CliRunner().invoke(app, list(words), prog_name="newar", input=stdin)


@contextmanager
def open_command_line(folder: Path) -> Iterator[CommandLine]:
    """Undo afterwards what commands do to this process's logging."""
    handlers = logging.getLogger().handlers[:]
    with pytest.MonkeyPatch.context() as environment:
        yield CommandLine(folder, environment)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.getLogger().handlers[:] = handlers
