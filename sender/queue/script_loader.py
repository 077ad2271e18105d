"""Loading and calling the Lua scripts. What each takes and returns stands in its first comment."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from schema.keys import key

_ROUTE = key("epoch")
"""Every script names this one key, so that a cluster client finds the shard."""


@cache
def source(name: str) -> str:
    """Return a script's text: its flags line first, then what all share, then its own."""
    folder = files("sender.queue") / "scripts"
    body = (folder / f"{name}.lua").read_text()
    flags, rest = body.split("\n", 1) if body.startswith("#!") else ("#!lua", body)
    return f"{flags}\n{(folder / 'lib.lua').read_text()}\n{rest}"


class Scripts:
    """Calls scripts by name. Runs in the asyncio loop; nothing is repeated on errors."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._digests: dict[str, str] = {}

    async def call(self, name: str, *args: bytes | str | int) -> Any:
        """Run a script and return its answer. Errors: redis.RedisError."""
        if name not in self._digests:
            self._digests[name] = await self._redis.script_load(source(name))
        try:
            return await self._redis.evalsha(self._digests[name], 1, _ROUTE, *args)
        except NoScriptError:  # Redis was restarted or emptied
            await self._redis.script_load(source(name))
            return await self._redis.evalsha(self._digests[name], 1, _ROUTE, *args)

    async def command(self, *args: bytes | str | int) -> Any:
        """Run a plain command and return its answer. Errors: redis.RedisError."""
        return await self._redis.execute_command(*args)  # type: ignore[no-untyped-call]  # redis-py
