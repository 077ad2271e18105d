"""Pages as a reading of the queue has seen them."""

from __future__ import annotations

from typing import Any

from ops.board.answers import AppPause
from ops.board.page_limits import defaults_of
from ops.board.pages.logged_pages import LoggedPage
from ops.board.pages.page_reading import Around, SeenPage, SeenPages, logged_only, seen
from sender.queue.page_looks import PageLook

NOW_US = 1_800_000_000_000_000
NOT_PAUSED = AppPause(paused_until=None, reason=None)


def look(page_id: str, *, name: str = "", waiting: int = 0, text_now: float = 40, **trouble: Any) -> PageLook:
    told = [str(part) for pair in trouble.items() for part in pair]
    oldest_ms = NOW_US / 1000 - 60_000 if waiting else 0
    return PageLook(page_id, name, 40, text_now, 0, 10, 10, 0, waiting, oldest_ms, told)


def page(found: PageLook, left: int = 0, app: AppPause = NOT_PAUSED) -> SeenPage:
    return seen(found, left, 1 if left else 0, NOW_US, app)


def logged(page_id: str, *, name: str | None = None, runs: int = 0) -> SeenPage:
    """Return a page that only the log database knows."""
    return logged_only(LoggedPage(page_id, name, runs))


def pages(*found: SeenPage) -> SeenPages:
    return SeenPages(NOW_US, {one.look.page_id: one for one in found}, Around([], defaults_of([]), NOT_PAUSED))
