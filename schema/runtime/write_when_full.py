"""Plain commands that have to work at Redis's maxmemory too: what others must know of us, little and bounded.

Redis refuses whatever may take memory then. Scripts may say that they have to be run all the same; commands cannot.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from schema.keys import key

Command = tuple[str | bytes | int | float, ...]


async def write_when_full(redis: Redis, commands: Iterable[Command]) -> None:
    """Do these in one step; nothing is repeated on errors. Runs in the asyncio loop. Errors: redis.RedisError."""
    listed = list(commands)
    words: list[Any] = [word for command in listed for word in command]
    lengths: Any = msgspec.msgpack.encode([len(command) for command in listed])
    try:
        await redis.evalsha(_digest(), 1, key("epoch"), lengths, *words)
    except NoScriptError:  # Redis was restarted or emptied, or has not heard of it
        await redis.script_load(_text())
        await redis.evalsha(_digest(), 1, key("epoch"), lengths, *words)


@cache
def _text() -> str:
    return (files("schema.runtime") / "write_when_full.lua").read_text()


@cache
def _digest() -> str:
    return sha1(_text().encode(), usedforsecurity=False).hexdigest()
