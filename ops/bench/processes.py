"""What processes cost: CPU time and memory of everything below this process, from Linux's /proc."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_ROLES = {
    "ops.fakegraph": "fake Graph",
    "ops.bench.http_case": "client",
    "ops.bench.delay": "delay",
    "ops sender": "sender",
    "ops ingest": "ingest",
    "postgres": "Postgres",
    "valkey-server": "Redis",
    "tansu": "broker",
}
"""What a command line contains, first match counts, and what its process is called in a table."""


@dataclass(frozen=True)
class Usage:
    """What the processes of one role have used since they started, and hold now."""

    cpu_us: int
    rss_bytes: int
    """Of the largest process; memory that processes share is counted for each."""


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    cpu_us: int
    rss_bytes: int
    command: str


def usage_by_role(root: int | None = None) -> dict[str, Usage]:
    """Return what `root` (this process) and its descendants have used so far, by role.

    A process that ended took its CPU time with it: ask while all are alive.
    """
    root = root or os.getpid()
    cpu_us: Counter[str] = Counter()
    rss_bytes: Counter[str] = Counter()
    for process in _family(root):
        role = "bench" if process.pid == root else _role(process.command)
        if role:
            cpu_us[role] += process.cpu_us
            rss_bytes[role] = max(rss_bytes[role], process.rss_bytes)
    return {role: Usage(cpu_us[role], rss_bytes[role]) for role in rss_bytes}


def cpu_us_each(before: dict[str, Usage], after: dict[str, Usage], count: int) -> dict[str, float]:
    """Return CPU time in us for each of so many messages, or runs, by role."""
    return {
        role: round((usage.cpu_us - (before[role].cpu_us if role in before else 0)) / count, 1)
        for role, usage in sorted(after.items())
    }


def megabytes(usage: dict[str, Usage]) -> dict[str, float]:
    """Return the memory of the largest process of each role, in MB."""
    return {role: round(u.rss_bytes / 1e6, 1) for role, u in sorted(usage.items())}


def _role(command: str) -> str | None:
    return next((role for words, role in _ROLES.items() if words in command), None)


def _family(root: int) -> list[_Process]:
    found = list(_all())
    family, grown = {root}, True
    while grown:
        grown = False
        for process in found:
            if process.parent in family and process.pid not in family:
                family.add(process.pid)
                grown = True
    return [p for p in found if p.pid in family]


def _all() -> Iterator[_Process]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                yield _read(folder)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile


def _read(folder: Path) -> _Process:
    stat = (folder / "stat").read_text(errors="replace")
    fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    ticks = int(fields[11]) + int(fields[12])
    return _Process(int(folder.name), int(fields[1]), ticks * _TICK_US, int(fields[21]) * _PAGE_BYTES, command)
