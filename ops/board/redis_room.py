"""What run processors say of the room that Redis has for jobs. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from schema.snapshot import ProcessSnapshot, RedisMemory, RunsSnapshot
from schema.text import Figure, Text

_MIB = 1 << 20


def no_room(processes: Iterable[ProcessSnapshot], source: str | None = None) -> Text | None:
    """Say why runs of a source, or of any, wait to be enqueued; None: they do not, as far as is known."""
    for runs in _run_processors(processes):
        if runs.redis_full if source is None else source in runs.redis_full:
            return Text(
                "%(memory)s: nothing more is enqueued until messages have been sent, or maxmemory is raised",
                memory=_in_words(runs.redis_memory or RedisMemory()),
            )
    return None


def evicts(processes: Iterable[ProcessSnapshot]) -> str | None:
    """Say that Redis may throw keys away; None: it does not, as far as is known."""
    for runs in _run_processors(processes):
        policy = runs.redis_memory.policy if runs.redis_memory else None
        if policy not in (None, "noeviction"):
            return f"it may throw the queue away when its memory is full ({policy}): set maxmemory-policy noeviction"
    return None


def _run_processors(processes: Iterable[ProcessSnapshot]) -> list[RunsSnapshot]:
    return [process.runs for process in processes if process.runs]


def _in_words(seen: RedisMemory) -> Text:
    if not seen.bound:
        return Text("Redis is at its maxmemory")
    return Text(
        "Redis uses %(used)s of its %(bound)s (maxmemory), of which %(reserve)s stay free for what is in the queue "
        "(REDIS_RESERVE_SHARE)",
        used=Text("nobody knows how much") if seen.used is None else _mib(seen.used),
        bound=_mib(seen.bound),
        reserve=Figure(seen.reserve_share, ".0%"),
    )


def _mib(size: int) -> Text:
    return Text("%(n)s MiB", n=Figure(size / _MIB, ",.1f"))
