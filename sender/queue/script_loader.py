"""Loading and calling the Lua scripts. What each takes and returns stands in its first comment.

A script is named by its room and its file: `work/claim` is `claim.lua` in the folder `work`. Its line
`-- uses: base, lanes` names the files of `scripts/lib/` that are put in front of it; these may use others.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from schema.keys import key
from schema.runtime.redis_address import MarkReplicas

log = structlog.get_logger()

STOPPING = frozenset({"app/steer", "pages/steer", "pages/deny", "runs/create", "runs/cancel", "runs/hold"})
"""What would send again to people, or to more than wanted, were it forgotten."""
_MISSED_FOR_S = 5.0
"""So long nobody is waited for after a miss: a stop of thousands of pages, a slice at a time, must not take minutes."""
_ROUTE = key("epoch")
"""Every script names this one key, so that a cluster client finds the shard."""
_AT_ONCE = 500
_CHANGED_AT_ONCE = 100
"""Changing one takes some 0.05 ms."""
_USES = re.compile(r"^-- uses: (.*)\n", re.MULTILINE)


@cache
def source(name: str) -> str:
    """Return a script's text: its flags line first, then what it uses, then its own.

    Raises:
        LookupError: a script or library of this name does not exist.
    """
    texts: dict[str, str] = {}
    _gather(name, texts)
    body = texts.pop(name)
    flags, rest = body.split("\n", 1) if body.startswith("#!") else ("#!lua", body)
    return "\n".join([flags, *texts.values(), rest])


def _gather(name: str, texts: dict[str, str]) -> None:
    """Add this file's text, after those of the libraries that it uses, each once."""
    text = _read(name)
    uses = _USES.search(text)
    for library in uses[1].split(", ") if uses else ():
        if f"lib/{library}" not in texts:
            _gather(f"lib/{library}", texts)
    texts[name] = text


def _read(name: str) -> str:
    try:
        return (files("sender.queue") / "scripts" / f"{name}.lua").read_text("utf-8")
    except FileNotFoundError:
        raise LookupError(f"there is no Lua script {name!r} in sender/queue/scripts") from None


def slices(ids: Sequence[str], at_once: int = _AT_ONCE) -> Iterator[Sequence[str]]:
    """Cut a long list into what one script may look at: it keeps Redis from everybody else meanwhile."""
    return (ids[start : start + at_once] for start in range(0, len(ids), at_once))


class Scripts:
    """Calls scripts by name. Runs in the asyncio loop; nothing is repeated on errors."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.replicas: MarkReplicas = getattr(redis, "mark_replicas", MarkReplicas())
        self._missed_at_s = -math.inf
        self._digests: dict[str, str] = {}

    async def call(self, name: str, *args: bytes | str | int) -> Any:
        """Run a script and return its answer. Errors: redis.RedisError."""
        waits = time.monotonic() - self._missed_at_s > _MISSED_FOR_S
        if name in STOPPING and self.replicas.wanted and waits:
            answer, replicated = await self.replicated(name, *args)
            if not replicated:
                self._missed_at_s = time.monotonic()
                log.warning("not_replicated", script=name, hint="a replica that takes over may not know of it")
            return answer
        if name not in self._digests:
            await self._load(name)
        try:
            return await self._redis.evalsha(self._digests[name], 1, _ROUTE, *args)
        except NoScriptError:  # Redis was restarted or emptied
            await self._load(name)
            return await self._redis.evalsha(self._digests[name], 1, _ROUTE, *args)

    async def call_in_slices(self, name: str, ids: Sequence[str], *args: bytes | str | int) -> list[Any]:
        """Run a script that takes many ids (MessagePack) first, a slice of them at a time; return all its answers.

        What was done when an error comes stays done. Texts in the answers are decoded.
        """
        answers: list[Any] = []
        for some in slices(ids, _CHANGED_AT_ONCE):
            answers += _texts(await self.call(name, msgspec.msgpack.encode(some), *args))
        return answers

    async def replicated(self, name: str, *args: bytes | str | int) -> tuple[Any, bool]:
        """Run a script that writes; return its answer, and whether as many replicas as wanted have what it wrote.

        Both go down one connection: WAIT speaks only of what its own connection has written. Errors: redis.RedisError.
        """
        if not self.replicas.wanted:
            return await self.call(name, *args), True
        if name not in self._digests:
            await self._load(name)
        answer, replicas = await self._with_wait(name, *args)
        if isinstance(answer, NoScriptError):
            await self._load(name)
            answer, replicas = await self._with_wait(name, *args)
        for one in (answer, replicas):
            if isinstance(one, Exception):
                raise one
        return answer, int(replicas) >= self.replicas.wanted

    async def _with_wait(self, name: str, *args: bytes | str | int) -> list[Any]:
        pipeline: Any = self._redis.pipeline(transaction=False)
        pipeline.execute_command("EVALSHA", self._digests[name], 1, _ROUTE, *args)
        pipeline.execute_command("WAIT", self.replicas.wanted, self.replicas.within_ms)
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers

    async def _load(self, name: str) -> None:
        self._digests[name] = await self._redis.script_load(source(name))

    async def command(self, *args: bytes | str | int) -> Any:
        """Run a plain command and return its answer. Errors: redis.RedisError."""
        return await self._redis.execute_command(*args)  # type: ignore[no-untyped-call]  # redis-py


def _texts(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_texts(part) for part in answer]
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
