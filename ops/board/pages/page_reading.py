"""Reading all pages from Redis, once for everybody who looks, and no more often than Redis can spare it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec
import structlog
import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.board.answers import AppPause
from ops.board.page_limits import KnownDefaults
from ops.board.pages.logged_pages import LoggedPage, LoggedPages
from ops.board.pages.page_answers import PageWord
from ops.board.reading import QueueUnreachable
from ops.board.runs.run_answers import CheckStatus
from ops.shell.detail import telling
from sender.queue.page_looks import PageLook, PageLooks
from sender.queue.survey import Unfinished

log = structlog.get_logger()

READ_WITHIN_S = 10.0
SPARED = 20
"""A reading is kept so many times as long as it took: a twentieth of Redis's time at most goes into it."""
FRESH_S = 1.0
STALE_S = 60.0
UNASKED_S = 30.0
"""So often all pages are read while nobody looks: who comes then sees this at once, and the new ones a moment later."""
PATIENCE_S = 0.05
"""So long somebody waits for a new reading where there is a former one."""


class Around(msgspec.Struct, frozen=True):
    """What a reading of the queue says already."""

    unfinished: Sequence[Unfinished]
    defaults: KnownDefaults
    app: AppPause


@dataclass(frozen=True, slots=True)
class SeenPage:
    """A page, with what the list sorts and filters by."""

    look: PageLook
    states: tuple[PageWord, ...]
    """All that is true of it, the worst first."""
    backlog: int
    may_go: int
    runs: int
    words: str
    """What a search looks through."""

    @property
    def state(self) -> PageWord:
        """The word that is shown of it."""
        return self.states[0]

    @property
    def is_known(self) -> bool:
        """Whether the queue knows it; else only its id, name and number of runs are known, from the log database."""
        return self.state != "unknown"

    @property
    def rate(self) -> float:
        """Messages per second of the last ten seconds."""
        return self.look.text_rate + self.look.media_rate


@dataclass(frozen=True)
class SeenPages:
    """All pages of one moment."""

    at_us: int
    pages: dict[str, SeenPage]
    around: Around
    log: CheckStatus = "not_configured"
    """Whether the log database could be asked for pages that the queue does not know."""


class PagesReading:
    """Reads again when a reading has had its time, and now and then while nobody looks, so that nobody waits for it.

    Args:
        redis: the queue.
        around: what is known of everything; not older than a second.
        logged: what the log database knows of pages.
    """

    def __init__(self, redis: Redis, around: Callable[[], Awaitable[Around]], logged: LoggedPages) -> None:
        self._looks = PageLooks(redis)
        self._logged = logged
        self._around = around
        self._turn = trio.Lock()
        self._seen: SeenPages | None = None
        self._error: Exception | None = None
        self._read_at = self._until = float("-inf")
        self._asked, self._new = trio.Event(), trio.Event()
        self._kept = False
        self._forgotten = 0

    async def keep(self) -> None:
        """Read when somebody has asked; runs until it is cancelled."""
        self._kept = True
        try:
            await self._refresh()  # who comes first does not wait for it either
            while True:
                with trio.move_on_after(UNASKED_S):
                    await self._asked.wait()
                self._asked = trio.Event()
                await self._refresh()
                await trio.sleep_until(max(self._until, trio.current_time() + FRESH_S))
        finally:
            self._kept = False

    async def get(self) -> SeenPages:
        """Return what is known of all pages: a new reading, or the last one if that would take long.

        Raises:
            QueueUnreachable: when Redis does not answer in time, or refuses.
        """
        if self._kept and trio.current_time() - self._read_at < STALE_S:
            if trio.current_time() >= self._until:
                new = self._new
                self._asked.set()
                with trio.move_on_after(PATIENCE_S):
                    await new.wait()
        else:
            await self._refresh()
        if self._error is not None:
            raise self._error.with_traceback(None)
        return self._seen  # type: ignore[return-value]  # no error: it was read

    def forget(self) -> None:
        """Read anew when somebody asks next, and let them wait for it: somebody has changed pages."""
        self._forgotten += 1
        self._read_at = self._until = float("-inf")

    async def _refresh(self) -> None:
        """Read, unless somebody else has done so meanwhile. An error is for everybody, like a reading; none ends it."""
        async with self._turn:
            began = trio.current_time()
            if began < self._until:
                return
            forgotten = self._forgotten
            try:
                self._seen, self._error = await self._read(), None
            except QueueUnreachable as exc:
                self._error = exc
            except Exception as exc:
                if repr(exc) != repr(self._error):  # else it was told a second ago
                    log.exception("pages_unreadable", effect="pages are not shown; it is tried again each second")
                self._error = exc
            now = trio.current_time()
            if forgotten == self._forgotten:  # else what was read may be of before
                self._read_at = now
                self._until = now + (FRESH_S if self._error else max(FRESH_S, SPARED * (now - began)))
            self._new.set()
            self._new = trio.Event()

    async def _read(self) -> SeenPages:
        around = await self._around()
        runs, left = Counter[str](), Counter[str]()
        for run in around.unfinished:
            runs[run.page_id] += 1
            left[run.page_id] += run.left
        pages: dict[str, SeenPage] = {}
        at_us = 0
        try:
            with trio.fail_after(READ_WITHIN_S):
                ids = await self._looks.ids()
                async for now_us, rows in self._looks.look(ids, around.defaults.limits):
                    at_us = now_us
                    for look in rows:
                        pages[look.page_id] = seen(look, left[look.page_id], runs[look.page_id], now_us, around.app)
        except trio.TooSlowError:
            raise QueueUnreachable(f"Redis does not tell of all pages within {READ_WITHIN_S:.0f} s") from None
        except (RedisError, OSError) as exc:
            raise QueueUnreachable(f"Redis cannot be used: {telling(exc)}") from exc
        log_status, logged = await self._logged.all()
        pages |= {page_id: logged_only(one) for page_id, one in logged.items() if page_id not in pages}
        return SeenPages(at_us or time.time_ns() // 1000, pages, around, log_status)


def seen(look: PageLook, left: int, runs: int, now_us: int, app: AppPause) -> SeenPage:
    """Return what a look at a page says. Pure. `left`: messages without an outcome."""
    troubles = _troubles(look, now_us)
    stopped = "breaker" in troubles or "paused" in troubles
    backlog = max(left, look.waiting)
    may_go = 0 if stopped or app.paused_until is not None or app.by_hand else look.waiting
    does: PageWord = "sending" if may_go else "waiting" if backlog else "idle"
    return SeenPage(look, (*troubles, does), backlog, may_go, runs, f"{look.page_id}\n{look.name}".casefold())


def logged_only(page: LoggedPage) -> SeenPage:
    """Return a page of which the queue knows nothing. Pure."""
    name = page.name or ""
    look = PageLook(page.page_id, name, 0, 0, 0, 0, 0, 0, 0, 0, [])
    return SeenPage(look, ("unknown",), 0, 0, page.runs, f"{page.page_id}\n{name}".casefold())


def _troubles(look: PageLook, now_us: int) -> tuple[PageWord, ...]:
    """Return what stops a page and what slows it down, the worst first."""
    if not look.trouble:
        return ()
    fields = look.fields
    true_of_it: dict[PageWord, bool] = {
        "breaker": fields.get("breaker") in ("open", "half_open"),
        "paused": float(fields.get("paused_until_ms") or 0) * 1000 > now_us,
        "throttled": look.text_now < look.text_limit or look.media_now < look.media_limit,
    }
    return tuple(word for word, is_true in true_of_it.items() if is_true)
