"""Pages in the queue: what the source says of them, what answers mean for them, and what people do to them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from redis.asyncio import Redis

from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.script_loader import Scripts, slices

_FIELDS = (
    *("paused_until_ms", "pause_reason", "breaker", "reason", "retry_at_ms", "limit_text", "limit_media", "weight"),
    "name",
)


class PageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the source says of a page. None: not said, the default counts."""

    page_id: str
    sealed_token: str | None = None
    time_zone: str | None = None
    weight: int | None = None
    limit_text: int | None = None
    limit_media: int | None = None
    name: str | None = None
    """For people; any text."""


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
    name: str | None = None
    """As the source says it: any text."""


class PageQueue:
    """Methods are Trio coroutines that may be repeated. Errors: redis.RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._scripts = Scripts(redis)

    async def set_page(self, page: PageFacts) -> None:
        """Store what the source says of a page; a changed token half-opens the page's breaker."""
        fields = {
            "time_zone": page.time_zone,
            "weight": page.weight,
            "limit_text": page.limit_text,
            "limit_media": page.limit_media,
            "name": page.name,
        }
        pairs = [part for name, value in fields.items() for part in (name, "" if value is None else str(value))]
        await aio(self._scripts.call, "pages/set", page.page_id, page.sealed_token or "", *pairs)

    async def with_token(self, page_ids: list[str]) -> set[str]:
        """Return those of these pages whose token was stored."""
        found: set[str] = set()
        for some in slices(page_ids):
            answer = await aio(self._scripts.call, "pages/with_token", msgspec.msgpack.encode(some))
            found.update(page_id.decode() for page_id in answer)
        return found

    async def names(self, page_ids: list[str]) -> dict[str, str]:
        """Return the names of those of these pages that have one: any text of the source."""
        found: dict[str, str] = {}
        for some in slices(page_ids):
            rows = await aio(self._scripts.call, "pages/states", msgspec.msgpack.encode(some), "name")
            found |= {page: name.decode("utf-8", "replace") for page, (name,) in zip(some, rows, strict=True) if name}
        return found

    async def token(self, page_id: str) -> tuple[str, int]:
        """Return the page's sealed token ("" when it has none) and the token's version."""
        token, version = await aio(self._scripts.command, "HMGET", key(f"page:{page_id}"), "token", "token_version")
        return (token or b"").decode(), int(version or 0)

    async def unusable(self, page_id: str, reason: str, ms: int, longest_ms: int, token_version: int) -> bool:
        """Open the page's breaker for `ms` (doubling to `longest_ms`): nothing can be sent for it as it stands.

        False: it was open, or its token has been replaced meanwhile.
        """
        args = (page_id, reason, ms, longest_ms, str(token_version))
        return bool(await aio(self._scripts.call, "pages/unusable", *args))

    async def pause(self, page_id: str, who: str) -> bool:
        """Send nothing for this page until it is resumed. False: unknown page (likewise below).

        `who`: the person, for the audit trail.
        """
        return not await self.steer_all([page_id], "pause", who)

    async def resume(self, page_id: str, who: str) -> bool:
        """End a pause, by hand or from Meta's answers."""
        return not await self.steer_all([page_id], "resume", who)

    async def open_breaker(self, page_id: str, who: str) -> bool:
        """Open the page's breaker until it is closed by hand."""
        return not await self.steer_all([page_id], "open", who)

    async def close_breaker(self, page_id: str, who: str) -> bool:
        """Close the page's breaker and forget its failures."""
        return not await self.steer_all([page_id], "close", who)

    async def steer_all(self, page_ids: Sequence[str], what: str, who: str, detail: str = "") -> Sequence[str]:
        """Do one of these (`pause`, `resume`, `open`, `close`) to many pages; return those that are unknown."""
        return await aio(self._scripts.call_in_slices, "pages/steer", page_ids, what, who, detail)

    async def list(self) -> list[PageState]:
        """Return every page that ever had a run, by id."""
        pages = sorted(p.decode() for p in await aio(self._scripts.command, "SMEMBERS", key("pages")))
        found: list[PageState] = []
        for some in slices(pages):
            rows = await aio(self._scripts.call, "pages/states", msgspec.msgpack.encode(some), *_FIELDS)
            found += map(_state, some, rows)
        return found


def _state(page_id: str, row: list[bytes | None]) -> PageState:
    text = [None if v is None else v.decode("utf-8", "replace") for v in row]
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
        name=text[8],
    )
