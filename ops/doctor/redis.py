"""Redis or Valkey: version, role, scripts, clock, and whether it keeps what it acknowledged."""

from __future__ import annotations

import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from ops.doctor.finding import Finding, clock, judged
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import RedisSettings

PART = "redis"
_OLDEST = (7, 0)


async def check_redis(settings: RedisSettings) -> list[Finding]:
    """Ask it. Errors: redis.RedisError, OSError."""
    return await aio(_check, settings.redis_url.get_secret_value())


async def _check(url: str) -> list[Finding]:
    redis: Any = open_redis(url)
    try:
        info = await redis.info()
        before_s = time.time()
        seconds, microseconds = await redis.time()
        ours_s = (before_s + time.time()) / 2
        await redis.eval("return 1", 0)
        return [
            _version(info),
            judged(
                PART,
                info.get("role") == "master",
                "takes writes and runs scripts",
                otherwise=f"it is a {info.get('role')}",
                mend="point REDIS_URL to the primary",
                status="fail",
            ),
            clock(PART, seconds + microseconds / 1e6, ours_s),
            *await _durability(redis),
        ]
    finally:
        await redis.aclose()


def _version(info: dict[str, Any]) -> Finding:
    """Valkey names the Redis that it is compatible with beside its own version."""
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"
    running = tuple(int(n) for n in str(info["redis_version"]).split(".")[:2])
    return judged(
        PART, running >= _OLDEST, name, otherwise=name, mend="use Redis 7.0 or newer, or any Valkey", status="fail"
    )


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
