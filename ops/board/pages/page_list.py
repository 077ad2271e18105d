"""The pages as they are listed, and one of them with all that is known of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import trio
from redis.asyncio import Redis

from ops.board.history import HistoryUnreachable
from ops.board.limit_answers import Slowdown
from ops.board.page_limits import BY_HAND_MS, shipped_in_words, slowdowns
from ops.board.pages.logged_pages import LoggedPages
from ops.board.pages.page_answers import PageRow, PagesAnswer, Speed
from ops.board.pages.page_latencies import Ask, PageLatencies, Percentiles
from ops.board.pages.page_orders import Order, Orders, Wanted, ordered, place
from ops.board.pages.page_reading import Around, PagesReading, SeenPage, SeenPages
from ops.board.runs.run_answers import CheckStatus
from schema.event import at_us

MOST = 1000
USUAL = 200
MOST_WISHES = 50
"""Different searches of one reading that are remembered."""
_UNKNOWN = Percentiles(None, None)


class Pages:
    """Methods are Trio coroutines. Errors: QueueUnreachable, unless they say otherwise.

    Args:
        redis: the queue.
        ask: asks the log database; None: there is none.
        around: what is known of everything.
        logged: what the log database knows of pages.
    """

    def __init__(
        self, redis: Redis, ask: Ask | None, around: Callable[[], Awaitable[Around]], logged: LoggedPages
    ) -> None:
        self._reading = PagesReading(redis, around, logged)
        self._latencies = PageLatencies(ask) if ask else None
        self._orders = Orders(trio.current_time)
        self._newest: tuple[SeenPages, dict[Wanted, Order]] | None = None

    async def listed(self, want: Wanted, limit: int, after: str | None = None) -> PagesAnswer:
        """Return pages of a list: from its beginning, or behind a place in it.

        Raises:
            BadFilter: there is no such place.
        """
        name, start = place(after) if after else ("", 0)
        kept = self._orders.find(name, want) if name else None
        seen = await self._reading.get()
        now = self._ordered(seen, want)
        order = kept or now
        shown = order.page_ids[start : start + limit]
        end = start + len(shown)
        following = None
        if shown and end < len(order.page_ids):
            following = f"{name or self._orders.keep(order)}.{end}"
        pages = [seen.pages[page_id] for page_id in shown if page_id in seen.pages]
        status, known = await self._percentiles(page.look.page_id for page in pages)
        return PagesAnswer(
            at=at_us(seen.at_us),
            pages=[row(page, seen, known.get(page.look.page_id, _UNKNOWN)) for page in pages],
            next=following,
            total=len(order.page_ids),
            steerable=now.steerable,
            states=now.states,
            latency=status,
            log=seen.log,
            app=seen.around.app,
        )

    async def matching(self, want: Wanted) -> tuple[str, Order]:
        """Keep the pages that match now, for somebody who will go through them or do something to all of them."""
        order = self._ordered(await self._reading.get(), want)
        return self._orders.keep(order), order

    def kept(self, name: str, want: Wanted) -> Order:
        """Return what `matching` has kept. Raises BadFilter: it is not kept any more."""
        return self._orders.find(name, want)

    async def one(self, page_id: str) -> tuple[PageRow | None, CheckStatus]:
        """Return one page as in the list, None when it never had a run; and whether the log could be asked."""
        seen = await self._reading.get()
        page = seen.pages.get(page_id)
        if page is None:
            return None, "unknown"
        status, known = await self._percentiles([page_id])
        return row(page, seen, known.get(page_id, _UNKNOWN)), status

    async def keep(self) -> None:
        """Read all pages while others look at them; runs until it is cancelled."""
        await self._reading.keep()

    def forget(self) -> None:
        """Somebody has changed pages: who looks next sees it."""
        self._reading.forget()

    def _ordered(self, seen: SeenPages, want: Wanted) -> Order:
        """Sort once for everybody who wants the same of one reading."""
        if self._newest is None or self._newest[0] is not seen:
            self._newest = (seen, {})
        orders = self._newest[1]
        if want not in orders:
            if len(orders) >= MOST_WISHES:
                orders.clear()
            orders[want] = ordered(seen, want)
        return orders[want]

    async def _percentiles(self, page_ids: Iterable[str]) -> tuple[CheckStatus, dict[str, Percentiles]]:
        if self._latencies is None:
            return "not_configured", {}
        try:
            return "ok", await self._latencies.of(page_ids)
        except HistoryUnreachable:
            return "down", {}


def row(page: SeenPage, seen: SeenPages, latency: Percentiles) -> PageRow:
    """Return what is shown of a page. Pure."""
    if not page.is_known:
        return _unknown(page, latency)
    look, fields = page.look, page.look.fields
    stopped = page.state in ("paused", "breaker") or seen.around.app.paused_until is not None
    until_ms = float(fields.get("paused_until_ms") or 0)
    paused = until_ms * 1000 > seen.at_us
    age_s = seen.at_us / 1e6 - look.oldest_ms / 1000
    return PageRow(
        page_id=look.page_id,
        name=look.name or None,
        state=page.state,
        text=_speed(look.text_limit, look.text_now, look.text_rate, stopped=stopped),
        media=_speed(look.media_limit, look.media_now, look.media_rate, stopped=stopped),
        because=because(page, seen),
        p50_ms=latency.p50,
        p95_ms=latency.p95,
        backlog=page.backlog,
        may_go=page.may_go,
        waits=page.backlog - page.may_go,
        oldest_s=round(max(0.0, age_s), 1) if page.may_go and look.oldest_ms else None,
        breaker=fields.get("breaker") or "closed",
        breaker_reason=fields.get("reason") if page.state == "breaker" else None,
        paused=paused,
        paused_until=at_us(int(until_ms * 1000)) if paused and until_ms < BY_HAND_MS else None,
        pause_reason=fields.get("pause_reason") if paused else None,
        runs=page.runs,
    )


def _unknown(page: SeenPage, latency: Percentiles) -> PageRow:
    return PageRow(
        page_id=page.look.page_id,
        name=page.look.name or None,
        state="unknown",
        text=None,
        media=None,
        because=[],
        p50_ms=latency.p50,
        p95_ms=latency.p95,
        backlog=None,
        may_go=None,
        waits=None,
        oldest_s=None,
        breaker=None,
        breaker_reason=None,
        paused=None,
        paused_until=None,
        pause_reason=None,
        runs=page.runs,
    )


def because(page: SeenPage, seen: SeenPages) -> list[Slowdown]:
    """Return what slows or stops the page, in words for the rules that are shipped."""
    return slowdowns("page", page.look.fields, seen.at_us, shipped_in_words()) if page.look.trouble else []


def _speed(limit: float, now: float, reached: float, *, stopped: bool) -> Speed:
    return Speed(limit=round(limit, 2), now_per_s=0.0 if stopped else round(now, 2), reached_per_s=round(reached, 1))
