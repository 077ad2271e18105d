"""Attempts to sign in that failed, by name and by address: after some of them, each next one waits longer.

Counted in Redis, so by all processes together; while that is away, by each alone. Names and addresses are counted in
one of 65,536 places each, so that no flood of made-up ones fills the memory.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address
from typing import Any

import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.access.allowance import TooOften
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.write_when_full import Command, write_when_full

FORGOTTEN_AFTER_S = 900
ANSWER_WITHIN_S = 1.0
AWAY_S = 5.0
_FREE = {"name": 5, "address": 10}
_LONGEST_S = {"name": 60, "address": 900}
"""Of a name not for long: or anybody could keep its owner out."""

Count = tuple[int, float]
"""Attempts, and the moment of the last one (seconds since 1970)."""


def wait_s(kind: str, count: Count, now_s: float) -> float:
    """Return how long the next attempt has to wait: 1 s after the free ones, then twice as long each time."""
    attempts, at_s = count
    beyond = attempts - _FREE[kind]
    if beyond < 0:
        return 0.0
    longest = _LONGEST_S[kind]
    return max(0.0, at_s + min(longest, 2.0 ** min(beyond, 30)) - now_s)


def network(address: str) -> str:
    """Return the address, of IPv6 the network that belongs to one client as a rule (RFC 6177)."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(found) >> 64 << 64)) if isinstance(found, IPv6Address) else address


class Attempts:
    """A Trio object."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._away_until = float("-inf")
        self._alone: dict[str, Count] = {}
        """What this process has counted."""
        self._turn = trio.Lock()

    async def begin(self, name: str, address: str) -> None:
        """Count an attempt, before it is known whether it fails: many at once gain nothing.

        Raises:
            TooOften: it has to wait. Then it is not counted, so that waiting ends.
        """
        places = _places(name, address)
        async with self._turn:
            now_s = time.time()
            counts = await self._counts(places)
            longest = max(wait_s(kind, counts[kind], now_s) for kind in places)
            if longest > 0:
                raise TooOften(longest)
            self._alone |= {place: (counts[kind][0] + 1, now_s) for kind, place in places.items()}
            commands: list[Command] = []
            for place in map(key, places.values()):
                commands += [("HINCRBY", place, "attempts", 1), ("HSET", place, "at_s", now_s)]
                commands += [("EXPIRE", place, FORGOTTEN_AFTER_S)]
            await self._answer(write_when_full, self._redis, commands)

    async def succeeded(self, name: str, address: str) -> None:
        """Forget what failed by this name; of the address only this attempt, or one account would free all others."""
        commands: list[Command] = []
        for kind, place in _places(name, address).items():
            attempts, at_s = self._alone.pop(place, (1, 0.0))
            if kind == "name":
                commands.append(("DEL", key(place)))
            else:
                self._alone[place] = attempts - 1, at_s
                commands.append(("HINCRBY", key(place), "attempts", -1))
        await self._answer(write_when_full, self._redis, commands)

    async def _counts(self, places: dict[str, str]) -> dict[str, Count]:
        pipeline = self._redis.pipeline(transaction=False)
        for place in places.values():
            pipeline.hmget(key(place), ["attempts", "at_s"])
        found = await self._answer(pipeline.execute)
        if found is None:
            oldest_s = time.time() - FORGOTTEN_AFTER_S
            known = {kind: self._alone.get(place, (0, 0.0)) for kind, place in places.items()}
            return {kind: count if count[1] > oldest_s else (0, 0.0) for kind, count in known.items()}
        return {kind: (int(n or 0), float(at_s or 0)) for kind, (n, at_s) in zip(places, found, strict=True)}

    async def _answer(self, ask: Callable[..., Awaitable[Any]], *args: object) -> Any:
        """Return what Redis answers; None: it is away, and is left alone for a moment."""
        if trio.current_time() < self._away_until:
            return None
        try:
            with trio.fail_after(ANSWER_WITHIN_S):
                return await aio(ask, *args)
        except (RedisError, OSError, trio.TooSlowError):
            self._away_until = trio.current_time() + AWAY_S
            return None


def _places(name: str, address: str) -> dict[str, str]:
    """Return where attempts are counted. Tokens of the settings have no name, and nobody guesses them."""
    by_name = {"name": _place("name", name)} if name else {}
    return by_name | {"address": _place("address", network(address))}


def _place(kind: str, text: str) -> str:
    return f"attempts:{kind}:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:4]}"
