"""The limit of open files, in a process of its own: a limit once lowered stays low."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import resource, sys
from schema.runtime.settings import SettingsError
from sender.open_files import make_room
resource.setrlimit(resource.RLIMIT_NOFILE, (150, 1000))
try:
    make_room(int(sys.argv[1]))
except SettingsError as exc:
    print(exc)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def lines_of(max_sockets: int) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, str(max_sockets)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    assert lines_of(900) == ["(1000, 1000)"]


def test_connections_that_do_not_fit_are_refused_with_what_to_write() -> None:
    problem, limits = lines_of(901)
    assert problem.startswith("MAX_SOCKETS=901 needs 1001 open files and this process may have 1000")
    assert problem.endswith("or write MAX_SOCKETS=900 or less")
    assert limits == "(150, 1000)"
