"""Pages by hand: what the command line does to a page's pause and breaker, and what it shows of pages."""

from __future__ import annotations

import msgspec
from redis.asyncio import Redis

from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.script_loader import Scripts

_FIELDS = ("paused_until_ms", "pause_reason", "breaker", "reason", "retry_at_ms", "limit_text", "limit_media", "weight")


class PageState(msgspec.Struct, frozen=True, kw_only=True):
    """A page as the queue sees it."""

    page_id: str
    paused_until_ms: int | None
    pause_reason: str | None
    breaker: str
    """`closed`, `open` or `half_open`."""
    breaker_reason: str | None
    retry_at_ms: int | None
    limit_text: int | None
    """None: the default."""
    limit_media: int | None
    weight: int


class PageQueue:
    """Steers pages. Methods are Trio coroutines. Errors: redis.RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._scripts = Scripts(redis)

    async def pause(self, page_id: str) -> bool:
        """Send nothing for this page until it is resumed. False: unknown page (likewise below)."""
        return bool(await aio(self._scripts.call, "pages/steer", page_id, "pause"))

    async def resume(self, page_id: str) -> bool:
        """End a pause, by hand or from Meta's answers."""
        return bool(await aio(self._scripts.call, "pages/steer", page_id, "resume"))

    async def open_breaker(self, page_id: str) -> bool:
        """Open the page's breaker until it is closed by hand or the token changes."""
        return bool(await aio(self._scripts.call, "pages/steer", page_id, "open"))

    async def close_breaker(self, page_id: str) -> bool:
        """Close the page's breaker and forget its failures."""
        return bool(await aio(self._scripts.call, "pages/steer", page_id, "close"))

    async def list(self) -> list[PageState]:
        """Return every page that ever had a run, by id."""
        pages = sorted(p.decode() for p in await aio(self._scripts.command, "SMEMBERS", key("pages")))
        return [_state(p, await aio(self._scripts.command, "HMGET", key(f"page:{p}"), *_FIELDS)) for p in pages]


def _state(page_id: str, row: list[bytes | None]) -> PageState:
    text = [None if v is None else v.decode() for v in row]
    number = [int(v) if v and v.isdigit() else None for v in text]
    return PageState(
        page_id=page_id,
        paused_until_ms=number[0],
        pause_reason=text[1],
        breaker=text[2] or "closed",
        breaker_reason=text[3],
        retry_at_ms=number[4],
        limit_text=number[5],
        limit_media=number[6],
        weight=number[7] or 1,
    )
