"""Requests that a client may repeat, by the key that it gave them: each is done once, and answered the same again."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Literal

import msgspec
from redis.asyncio import Redis

from schema.runtime.asyncio_door import aio
from sender.queue.script_loader import Scripts

OURS_MS = 30_000
"""So long after its process has gone, a request that it left half-done may be begun anew."""
KEEP_MS = 86_400_000
MOST_OF_A_CALLER = 10_000


class Begun(msgspec.Struct, frozen=True):
    """What is known of a request."""

    status: Literal["new", "other", "under way", "answered"]
    """`other`: the key stands for another request."""
    answer: bytes = b""


class KnownRequest:
    """One request. Methods are Trio coroutines. Errors: redis.RedisError.

    Args:
        redis: remembers it.
        caller: whose it is; keys of others are others.
        given: the key that they gave it.
        request: a text that is another for every other request.
    """

    def __init__(self, redis: Redis, caller: str, given: str, request: bytes) -> None:
        self._scripts = Scripts(redis)
        self._caller = caller
        self._id = sha256(f"{caller}\0{given}".encode()).hexdigest()
        self._fingerprint = sha256(request).hexdigest()
        self._token = secrets.token_hex(8)

    @property
    def name(self) -> str:
        """A short text that is the same for the same request, and only for that."""
        return sha256(f"{self._id}{self._fingerprint}".encode()).hexdigest()[:16]

    async def begin(self) -> Begun:
        """Begin it, unless it was begun before. It is ours for OURS_MS, or until `renew` was called last."""
        times = (OURS_MS, KEEP_MS, MOST_OF_A_CALLER)
        args = (self._caller, self._id, self._fingerprint, self._token, *times)
        status, *answer = await aio(self._scripts.call, "requests/begin", *args)
        return Begun(status.decode(), *answer)

    async def renew(self) -> None:
        """Keep it ours."""
        await self._go_on(OURS_MS)

    async def answered(self, answer: bytes) -> None:
        """Remember the answer for KEEP_MS."""
        await self._go_on(KEEP_MS, answer)

    async def forget(self) -> None:
        """Let it be begun anew."""
        await self._go_on(0)

    async def _go_on(self, ms: int, answer: bytes = b"") -> None:
        await aio(self._scripts.call, "requests/go_on", self._id, self._token, ms, answer)
