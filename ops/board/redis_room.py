"""What run processors say of the room that Redis has for jobs. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from schema.snapshot import ProcessSnapshot, RedisMemory, RunsSnapshot

_MIB = 1 << 20
_NO_ROOM = "nothing more is enqueued until messages have been sent, or maxmemory is raised"


def no_room(processes: Iterable[ProcessSnapshot], source: str | None = None) -> str | None:
    """Say why runs of a source, or of any, wait to be enqueued; None: they do not, as far as is known."""
    for runs in _run_processors(processes):
        if runs.redis_full if source is None else source in runs.redis_full:
            return f"{_in_words(runs.redis_memory or RedisMemory())}: {_NO_ROOM}"
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


def _in_words(seen: RedisMemory) -> str:
    if not seen.bound:
        return "Redis is at its maxmemory"
    used = "nobody knows how much" if seen.used is None else f"{seen.used / _MIB:,.1f} MiB"
    reserve = f"{seen.reserve_share:.0%} stay free for what is in the queue (REDIS_RESERVE_SHARE)"
    return f"Redis uses {used} of its {seen.bound / _MIB:,.1f} MiB (maxmemory), of which {reserve}"
