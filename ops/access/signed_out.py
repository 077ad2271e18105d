"""Sessions that need no database, and whose holders signed out: what somebody copied of one is worth nothing more."""

from __future__ import annotations

import time

import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.write_when_full import Command, write_when_full

ANSWER_WITHIN_S = 1.0
FRESH_S = 1.0
MOST = 10_000


class SignedOut:
    """Kept in Redis, for all processes; while that is away, in this one."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._out: dict[str, float] = {}
        """By session, until when it would have counted (seconds since 1970)."""
        self._in: dict[str, float] = {}
        """Sessions that Redis does not name, until when that is not asked again."""

    async def add(self, session_id: str, until_s: float) -> None:
        """Let a session count no more."""
        now_s = time.time()
        self._out = {known: at_s for known, at_s in self._out.items() if at_s > now_s} | {session_id: until_s}
        name = key("signed_out")
        commands: list[Command] = [("ZREMRANGEBYSCORE", name, 0, now_s), ("ZADD", name, until_s, session_id)]
        try:
            with trio.fail_after(ANSWER_WITHIN_S):
                await aio(write_when_full, self._redis, commands)
        except (RedisError, OSError, trio.TooSlowError):
            pass  # this process knows

    async def has(self, session_id: str) -> bool:
        """Tell whether its holder signed out."""
        if session_id in self._out:
            return True
        now = trio.current_time()
        if now < self._in.get(session_id, 0.0):
            return False
        try:
            with trio.fail_after(ANSWER_WITHIN_S):
                until_s = await aio(self._redis.zscore, key("signed_out"), session_id)
        except (RedisError, OSError, trio.TooSlowError):
            until_s = None
        if until_s is not None:
            self._out[session_id] = float(until_s)
            return True
        self._in = {} if len(self._in) >= MOST else self._in
        self._in[session_id] = now + FRESH_S
        return False
