"""The names of pages, for whatever shows a page's id: from Redis, and where that has none from the log database."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.board.history import HistoryUnreachable
from ops.board.pages.logged_pages import LoggedPages
from sender.queue.page_queue import PageQueue

FRESH_S = 30.0
MOST_KEPT = 20_000
ANSWER_WITHIN_S = 1.0


class PageNames:
    """Keeps what it has heard for half a minute. Names are any text of the source."""

    def __init__(self, redis: Redis, logged: LoggedPages) -> None:
        self._queue = PageQueue(redis)
        self._logged = logged
        self._kept: dict[str, tuple[float, str | None]] = {}

    async def of(self, page_ids: Iterable[str]) -> dict[str, str]:
        """Return the names of those of these pages that have one. Never fails: names are no reason to show nothing."""
        now = time.monotonic()
        wanted = set(page_ids)
        missing = [page for page in wanted if self._kept.get(page, (0.0,))[0] <= now]
        if missing:
            await self._hear(missing, now)
        return {page: name for page in wanted if (name := self._kept.get(page, (0.0, None))[1])}

    async def _hear(self, page_ids: list[str], now: float) -> None:
        names: dict[str, str] = {}
        heard = False
        with suppress(trio.TooSlowError, RedisError, OSError):
            with trio.fail_after(ANSWER_WITHIN_S):
                names |= await self._queue.names(page_ids)
            heard = True
        with suppress(trio.TooSlowError, HistoryUnreachable):
            with trio.fail_after(ANSWER_WITHIN_S):
                names |= await self._logged.names([page for page in page_ids if page not in names])
        if not (heard or names):
            return  # a name heard before is still shown
        if len(self._kept) > MOST_KEPT:
            self._kept.clear()
        self._kept |= {page: (now + FRESH_S, names.get(page)) for page in page_ids if heard or page in names}
