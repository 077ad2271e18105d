"""`python -m ops.local` as a process, and the processes of its servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from ops.local.servers import LocalAddresses

PROGRAMS = {"postgres": "postgres", "redis": "valkey-server", "kafka": "tansu"}


@contextmanager
def owner_process(
    data: Path, *options: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], LocalAddresses]]:
    """`python -m ops.local` and what it printed; ended by the end of its stdin unless the test did it."""
    command = [sys.executable, "-m", "ops.local", "--data", str(data), *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdin is not None
        yield owner, LocalAddresses(**json.loads(owner.stdout.readline()))
        owner.stdin.close()
        owner.wait()


def processes_below(owner: psutil.Process) -> list[psutil.Process]:
    return list(owner.children(recursive=True))


def processes_in(data: Path) -> list[psutil.Process]:
    """The guards that we started for `data`, and all below them."""
    guards = [child for child in psutil.Process().children() if str(data) in " ".join(child.cmdline())]
    return [member for guard in guards for member in (guard, *processes_below(guard))]


def server_in(data: Path, name: str) -> psutil.Process:
    """The server itself: the child of its guard."""
    (server,) = (
        child
        for child in processes_in(data)
        if child.name() == PROGRAMS[name] and "guard.py" in " ".join(child.parent().cmdline())
    )
    return server


def living(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running()]


def kill_with_all_below(owner: subprocess.Popen[str]) -> None:
    for member in (psutil.Process(owner.pid), *processes_below(psutil.Process(owner.pid))):
        with suppress(psutil.NoSuchProcess):  # it ended by itself, as others around it did
            member.kill()
