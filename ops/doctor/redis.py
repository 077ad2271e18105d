"""Redis or Valkey: version, role, commands, clock, memory, and whether it keeps what it acknowledged."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import trio
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ReadOnlyError, ResponseError

from ops.doctor.finding import Finding, clock, judged
from ops.doctor.redis_memory import memory
from ops.doctor.redis_replicas import ask_sentinels, replicas, sentinels
from schema.redis_commands import NEEDED, OUR_KEYS, SHOWN_BY_USE, allowing, grant, in_words
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import OurRedis, open_redis
from schema.runtime.settings import RedisSettings
from sender.queue.permissions import Permissions
from sender.queue.redis_memory import MemoryReader

PART = "redis"
_OLDEST = (7, 0)
_VERSIONS = "use Redis 7.0 or newer, or any Valkey"
_CLOSE_WITHIN_S = 1.0


async def check_redis(settings: RedisSettings) -> list[Finding]:
    """Ask it. Errors: redis.RedisError, OSError."""
    url = settings.redis_url.get_secret_value()
    redis = open_redis(url)
    permissions = Permissions(redis)
    try:
        name = urlsplit(url).hostname or ""
        asked = sentinels(await aio(ask_sentinels, redis.sentinels, name), name)
        if any(finding.status == "fail" for finding in asked):
            return asked  # nobody says where Redis is
        commands = await _commands(permissions)
        bound, share = settings.redis_maxmemory_bytes, settings.redis_reserve_share
        return [*asked, *commands, *await aio(_facts, redis, permissions.user, bound, share)]
    except NoPermissionError as exc:
        rules = [*allowing(NEEDED), *([OUR_KEYS] if "key" in str(exc) else [])]
        text = f"its login may not even ask: that takes {', '.join(map(in_words, allowing(SHOWN_BY_USE)))} on our keys"
        return [Finding(PART, "fail", text, grant(permissions.user, rules))]
    finally:
        with trio.move_on_after(_CLOSE_WITHIN_S, shield=True):
            await aio(redis.aclose)


async def _commands(permissions: Permissions) -> list[Finding]:
    """Say whether it takes writes, and our login may run what is needed. The scripts that ask change nothing."""
    try:
        missing = await permissions.missing()
    except ReadOnlyError:
        return [Finding(PART, "fail", "it is a replica", "point REDIS_URL to the primary")]
    may = judged(
        PART,
        not missing,
        f"its login may run all {len(NEEDED)} commands that are needed",
        otherwise=f"its login may not run {', '.join(map(in_words, missing))}",
        mend=grant(permissions.user, missing),
        status="fail",
    )
    return [Finding(PART, "ok", "takes writes and runs scripts"), may]


async def _facts(redis: OurRedis, user: str, set_bound: int | None, reserve_share: float) -> list[Finding]:
    info = await _unless_refused(redis.info)
    return [
        _version(info or await _greeting(redis)),
        *await _clock(redis),
        memory(await MemoryReader(redis, set_bound).read(), reserve_share, user),
        *replicas(info, redis.mark_replicas.wanted, sentinels=bool(redis.sentinels), user=user),
        *await _durability(redis),
    ]


async def _unless_refused(ask: Any) -> Any:
    try:
        return await ask()
    except ResponseError:
        return None


async def _greeting(redis: Any) -> dict[str, Any]:
    """Return the version as INFO names it; HELLO is allowed to every login."""
    flat = await _unless_refused(lambda: redis.execute_command("HELLO")) or []
    said = dict(zip(map(_text, flat[::2]), flat[1::2], strict=True))
    version = _text(said.get("version", b""))
    return {f"{_text(said['server'])}_version": version} if "server" in said else {}


def _version(info: dict[str, Any]) -> Finding:
    """Valkey names the Redis that it is compatible with beside its own version."""
    if "valkey_version" in info:
        return Finding(PART, "ok", f"Valkey {info['valkey_version']}")
    if "redis_version" not in info:
        return Finding(PART, "warn", "it does not tell its version", _VERSIONS)
    name = f"Redis {info['redis_version']}"
    running = tuple(int(n) for n in str(info["redis_version"]).split(".")[:2])
    return judged(PART, running >= _OLDEST, name, otherwise=name, mend=_VERSIONS, status="fail")


async def _clock(redis: Any) -> list[Finding]:
    before_s = time.time()
    answer = await _unless_refused(redis.time)
    ours_s = (before_s + time.time()) / 2
    return [clock(PART, answer[0] + answer[1] / 1e6, ours_s)] if answer else []


async def _durability(redis: Redis) -> list[Finding]:
    try:
        config = {str(k): str(v) for k, v in (await _config(redis)).items()}
    except ResponseError:
        mend = "make sure of: appendonly yes, appendfsync always, maxmemory-policy noeviction"
        return [Finding(PART, "warn", "it does not show its configuration (CONFIG GET is refused)", mend)]
    return durability(config)


async def _config(redis: Any) -> dict[Any, Any]:
    pairs: dict[Any, Any] = await redis.config_get("appendonly", "appendfsync", "maxmemory-policy")
    return {_text(k): _text(v) for k, v in pairs.items()}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def durability(config: dict[str, str]) -> list[Finding]:
    """Judge the settings on which the promise about acknowledged writes rests. Pure."""
    fsync = config["appendfsync"] if config["appendonly"] == "yes" else "no append-only file"
    policy = config["maxmemory-policy"]
    return [
        judged(
            PART,
            fsync == "always",
            "keeps every write that it acknowledged (appendfsync always)",
            otherwise=f"may lose acknowledged writes in a crash ({fsync}): then messages may go out twice",
            mend="appendonly yes, appendfsync always",
            status="warn",
        ),
        judged(
            PART,
            policy == "noeviction",
            "never evicts (maxmemory-policy noeviction)",
            otherwise=f"may throw the queue away when its memory is full ({policy})",
            mend="maxmemory-policy noeviction",
            status="warn",
        ),
    ]
