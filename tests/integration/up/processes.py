"""Whole processes: started, read from, and what is left of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.patience import patience_s

PROJECT = Path(__file__).resolve().parents[3]
NAMES = ("REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS", "LOG_DATABASE_URL", "SOURCE_DATABASE_URL", "SUPABASE_DB_URL")


def environment(**more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    return {**clean, "PYTHONPATH": str(PROJECT), "API_PORT": "0", **more}


@contextmanager
def newar(*args: str, cwd: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ops", *args],
        cwd=cwd,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def command(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-m", "ops", *args]
    return subprocess.run(run, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)


def wait_for_line(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lines_until(process, event)[-1])
    return found


def lines_until(process: subprocess.Popen[str], event: str) -> list[str]:
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if event in line:
            return seen
    pytest.fail(f"{event} was never logged:\n" + "".join(seen))


def descendants_of(process: subprocess.Popen[str], data: Path) -> list[psutil.Process]:
    """Every process that works for this one: its descendants, and whatever names its data folder."""
    found = psutil.Process(process.pid).children(recursive=True)
    return [*found, *(p for p in psutil.process_iter() if p not in found and _names(p, data))]


def name_of(process: psutil.Process) -> str:
    """Return the name of its program; nothing when it has ended meanwhile."""
    try:
        return str(process.name())
    except psutil.Error:
        return ""


def _names(process: psutil.Process, data: Path) -> bool:
    try:
        return process.pid != os.getpid() and any(str(data) in part for part in process.cmdline())
    except psutil.Error:
        return False


def not_gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(processes, timeout=patience_s())
    return [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
