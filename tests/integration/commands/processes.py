"""Services as processes: started, waited for, and gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serving(service: str) -> Iterator[subprocess.Popen[str]]:
    """A service as a process in a group of its own, of which nothing is left afterwards."""
    command = [sys.executable, "-m", "ops", service]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def line_with(process: subprocess.Popen[str], word: str) -> str:
    """Wait for a log line; its absence fails the test when the process ends or the test's time is over."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        if word in line:
            return line
        seen.append(line)
    raise AssertionError(f"{word} never came: {seen}")


def nothing_is_left_of(process: subprocess.Popen[str]) -> bool:
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return True
    return False
