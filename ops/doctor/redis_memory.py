"""What is to be said of how full Redis's memory is. Pure."""

from __future__ import annotations

from ops.doctor.finding import Finding
from schema.redis_commands import grant
from sender.queue.redis_memory import Memory

PART = "redis"
_NEARLY = 0.9
"""Of what may be filled with jobs."""
_MIB = 1024 * 1024


def memory(seen: Memory, reserve_share: float, user: str) -> Finding:
    """Judge it, with the share of its maxmemory that is not filled with jobs."""
    if seen.used is None:
        mend = f"{grant(user, ['+memory|stats'])}; or look at used_memory and maxmemory now and then"
        return Finding(
            PART, "warn", "it does not show how full its memory is (INFO and MEMORY STATS are refused)", mend
        )
    used = f"uses {seen.used / _MIB:,.1f} MiB of memory"
    if seen.bound is None:
        mend = "write its maxmemory into REDIS_MAXMEMORY_BYTES, for example REDIS_MAXMEMORY_BYTES=2147483648"
        return Finding(PART, "warn", f"{used}; it does not tell of how many (INFO is refused)", mend)
    if seen.bound == 0:
        return Finding(PART, "ok", f"{used}, of which it may use any amount (maxmemory 0)")
    text = f"{used}, {seen.used / seen.bound:.0%} of {seen.bound / _MIB:,.1f} MiB"
    if seen.used < _NEARLY * seen.bound * (1 - reserve_share):
        return Finding(PART, "ok", text)
    stops = f"nothing is enqueued where only {reserve_share:.0%} are free (REDIS_RESERVE_SHARE)"
    return Finding(PART, "warn", f"{text}; {stops}", "raise maxmemory; what is in the queue is sent meanwhile")
