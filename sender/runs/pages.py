"""What is known of pages, passed to the queue when it changes: the source's word, else the token of a page's run."""

from __future__ import annotations

import math
from datetime import datetime

import structlog

from sender.queue.runs import PageFacts, RunQueue
from sender.runs.rows import PageRow
from sender.runs.window import is_open
from sender.tokens import SEALED_PREFIX, TokenBox

log = structlog.get_logger()


class PageBook:
    """Shared by all sources: a submitted run's page may be described in the source database.

    Args:
        queue: where pages go.
        box: seals tokens on their way there.
        complete: whether there is nothing more to read; else runs that need a page's facts wait for `replace`.
    """

    def __init__(self, queue: RunQueue, box: TokenBox, *, complete: bool) -> None:
        self._queue = queue
        self._box = box
        self.complete = complete
        self._pages: dict[str, PageRow] = {}
        self._sent: dict[str, tuple[str, PageRow]] = {}
        self._warned: set[str] = set()

    def replace(self, rows: list[PageRow]) -> None:
        """Take what the source says now."""
        self._pages = {row.page_id: row for row in rows}
        self.complete = True

    def token(self, page_id: str | None, of_run: str | None) -> str | None:
        """Return the token that counts, in the clear or sealed; None when there is none."""
        of_page = self._row(page_id).page_access_token
        return (of_page or "").strip() or (of_run or "").strip() or None

    def time_zone(self, page_id: str | None) -> str | None:
        """Return the page's time zone as the source names it."""
        return self._row(page_id).time_zone

    def window_open(self, page_id: str | None, window: str | None, at: datetime) -> bool:
        """Say whether a run of this page may send at `at`: not while that cannot be known or read."""
        if not self.complete and window:
            return False
        try:
            return is_open(window, self.time_zone(page_id), at)
        except ValueError as exc:
            if str(exc) not in self._warned:
                self._warned.add(str(exc))
                log.warning("send_window_unreadable", page_id=page_id, reason=str(exc), effect="its runs are held")
            return False

    async def send(self, page_id: str, token_of_run: str | None, epoch: str) -> None:
        """Pass the page on to the queue of this epoch, unless it has the same already. Errors: redis.RedisError."""
        token = self.token(page_id, token_of_run)
        row = self._row(page_id)
        now = (epoch, PageRow(page_id, token, row.time_zone, row.weight, row.limit_text, row.limit_media))
        if self._sent.get(page_id) == now:
            return
        sealed = token if token is None or token.startswith(SEALED_PREFIX) else self._box.seal(token)
        facts = PageFacts(
            page_id=page_id,
            sealed_token=sealed,
            time_zone=row.time_zone,
            weight=_positive(row.weight),
            limit_text=_positive(row.limit_text),
            limit_media=_positive(row.limit_media),
        )
        await self._queue.set_page(facts)
        self._sent[page_id] = now

    def _row(self, page_id: str | None) -> PageRow:
        return self._pages.get(page_id or "") or PageRow(page_id or "")


def _positive(value: float | None) -> int | None:
    return int(value) if value is not None and math.isfinite(value) and value >= 1 else None
