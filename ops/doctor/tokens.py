"""Page tokens in the queue: whether the key that senders are given opens them."""

from __future__ import annotations

from typing import Any

from ops.doctor.finding import Finding, judged
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.sealed_tokens import TokenBox, TokenUnreadable
from sender.settings import SenderSettings

PART = "page tokens"
_PAGES = 50
"""Looked at, by chance."""


async def check_tokens(settings: SenderSettings) -> list[Finding]:
    """Try the key on some of them; nothing when there are none. Errors: redis.RedisError, OSError."""
    tokens: list[str] = await aio(_some, settings.redis_url.get_secret_value())
    box = TokenBox(settings.token_encryption_key)
    shut = sum(not _opens(box, token) for token in tokens)
    found = judged(
        PART,
        not shut,
        f"TOKEN_ENCRYPTION_KEY opens those of {len(tokens)} pages",
        otherwise=f"TOKEN_ENCRYPTION_KEY does not open {shut} of {len(tokens)}: their pages will not be sent for",
        mend="add the key that they were sealed with, behind a comma",
        status="fail",
    )
    return [found] if tokens else []


async def _some(url: str) -> list[str]:
    redis: Any = open_redis(url)
    try:
        pages = await redis.srandmember(key("pages"), _PAGES)
        tokens = [await redis.hget(key(f"page:{page.decode()}"), "token") for page in pages]
        return [token.decode() for token in tokens if token]
    finally:
        await redis.aclose()


def _opens(box: TokenBox, sealed: str) -> bool:
    try:
        box.open(sealed)
    except TokenUnreadable:
        return False
    return True
