"""What a list of pages shows of each: its speed, what has its turn, and what slows it down."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from redis.asyncio import Redis

from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.limit_queue import Defaults
from sender.queue.script_loader import Scripts

AT_ONCE = 150
UNITS_AT_ONCE = 500
"""So that one look keeps Redis from everybody else for a few milliseconds."""


class PageLook(msgspec.Struct, array_like=True, frozen=True):
    """A row of `pages/look.lua`. Limits and rates are messages a second."""

    page_id: str
    name: str
    """"": the source says none. Any text."""
    text_limit: float
    text_now: float
    text_rate: float
    """Really reached, of the last ten seconds."""
    media_limit: float
    media_now: float
    media_rate: float
    waiting: int
    """Messages of runs that have their turn: nothing but the page and its limits keeps them."""
    oldest_ms: float
    """When the first of these runs was taken, ms since 1970; 0: there is none."""
    trouble: list[str]
    """Name, value ... of what slows it or stops it, as of `explain.lua`; empty: nothing does."""

    @property
    def fields(self) -> dict[str, str]:
        """What slows it, by name."""
        return dict(zip(self.trouble[::2], self.trouble[1::2], strict=True))


_decoder = msgspec.msgpack.Decoder(list[PageLook])


class PageLooks:
    """Methods are Trio coroutines that may be repeated. Errors: redis.RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._scripts = Scripts(redis)

    async def ids(self) -> list[str]:
        """Return every page that ever had a run."""
        return [page.decode("utf-8", "replace") for page in await aio(self._scripts.command, "SMEMBERS", key("pages"))]

    async def look(self, page_ids: list[str], defaults: Defaults) -> AsyncIterator[tuple[int, list[PageLook]]]:
        """Yield some of these pages after the other, each time with Redis's clock (us)."""
        done = 0
        while done < len(page_ids):
            some = msgspec.msgpack.encode(page_ids[done : done + AT_ONCE])
            limits = defaults.text, defaults.media
            now_us, count, rows = await aio(self._scripts.call, "pages/look", some, *limits, UNITS_AT_ONCE)
            yield int(now_us), _decoder.decode(rows)
            done += int(count)
