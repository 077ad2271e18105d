"""How full Redis's memory is: from INFO, or from what a login that may not run it can see and what the settings say."""

from __future__ import annotations

from typing import Any

import msgspec
from redis.exceptions import ResponseError

from ops.doctor.finding import Finding
from schema.redis_commands import grant

PART = "redis"
_FULL = 0.8
_MIB = 1024 * 1024


class Memory(msgspec.Struct, frozen=True):
    """In bytes; None: not known."""

    used: int | None
    bound: int | None
    """maxmemory; 0: there is none."""


async def read_memory(redis: Any, info: dict[str, Any] | None, set_bound: int | None) -> Memory:
    """Take what INFO said, else ask MEMORY STATS. `set_bound` counts where INFO names no bound. Runs in asyncio."""
    if info is not None:
        return Memory(info.get("used_memory"), info.get("maxmemory") or set_bound or info.get("maxmemory"))
    try:
        stats = await redis.memory_stats()
    except ResponseError:
        return Memory(None, set_bound)
    return Memory(stats.get("total.allocated"), set_bound)


def memory(seen: Memory, user: str) -> Finding:
    """Judge it. Pure."""
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
    if seen.used < _FULL * seen.bound:
        return Finding(PART, "ok", text)
    mend = "raise maxmemory: when it is full, nothing is enqueued or claimed, and what is under way is settled still"
    return Finding(PART, "warn", text, mend)
