"""What is known of pages, passed to the queue when it changes: the source's word, else that of submitted runs."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import structlog

from sender.queue.page_queue import PageFacts, PageQueue
from sender.runs.databases.source_views import SourceName
from sender.runs.rules.open_hours import OpenHours
from sender.runs.rules.rows import PageRow
from sender.sealed_tokens import TokenBox

log = structlog.get_logger()

_IN_ORDER: tuple[SourceName, ...] = ("source", "submitted")
"""Whose token counts first."""
_NOT_KNOWN_YET = "?"
"""No zone has this name."""


class KnownPages:
    """Shared by all sources: a submitted run's page may be described in the source database.

    Of a page's tokens counts the one of its own row, else that of the source's runs, else that of submitted runs.

    Args:
        queue: where pages go.
        box: seals tokens on their way there.
        complete: whether there is nothing more to read; else runs that need a page's facts wait for `replace`.
    """

    def __init__(self, queue: PageQueue, box: TokenBox, *, complete: bool) -> None:
        self._queue = queue
        self._box = box
        self.complete = complete
        self._pages: dict[str, PageRow] = {}
        self._of_runs: dict[SourceName, Mapping[str, str]] = {"source": {}} if complete else {}
        self._sent: dict[str, tuple[str, PageRow]] = {}
        self._warned: set[str] = set()

    def replace(self, rows: list[PageRow]) -> None:
        """Take what the source says now."""
        self._pages = {row.page_id: row for row in rows}
        self.complete = True

    def replace_tokens(self, source: SourceName, tokens: Mapping[str, str]) -> None:
        """Take what the runs of this source bring now: page -> token, in the clear or sealed."""
        self._of_runs[source] = tokens

    def token(self, page_id: str | None) -> str | None:
        """Return the token that counts, in the clear or sealed; None when there is none."""
        of_page = (self._row(page_id).page_access_token or "").strip()
        of_runs = (self._of_runs.get(source, {}).get(page_id or "") for source in _IN_ORDER)
        return of_page or next(filter(None, of_runs), None)

    def time_zone(self, page_id: str | None) -> str | None:
        """Return the page's time zone as the source names it."""
        return self._row(page_id).time_zone

    def hours(self, page_id: str | None, window: str | None) -> OpenHours | None:
        """Return when a run of this page may send; None: always. Never while that cannot be known or read."""
        if not window or not window.strip():
            return None
        if not self.complete:
            return OpenHours(window, _NOT_KNOWN_YET)
        hours = OpenHours(window, self.time_zone(page_id) or "")
        if (problem := hours.problem) and problem not in self._warned:
            self._warned.add(problem)
            log.warning("send_window_unreadable", page_id=page_id, reason=problem, effect="its runs are closed")
        return hours

    async def send(self, page_ids: Collection[str], epoch: str) -> None:
        """Pass these on to the queue of this epoch, unless it has the same already. Errors: redis.RedisError."""
        spared = await self._with_token(page_ids)
        for page_id in page_ids:
            if page_id not in spared:
                await self._send(page_id, epoch)

    async def _with_token(self, page_ids: Collection[str]) -> Collection[str]:
        """Return those whose token in the queue may be the source's, which has not been heard here yet."""
        return () if "source" in self._of_runs else await self._queue.with_token(list(page_ids))

    async def _send(self, page_id: str, epoch: str) -> None:
        token = self.token(page_id)
        row = self._row(page_id)
        now = (epoch, PageRow(page_id, token, row.time_zone, row.weight, row.limit_text, row.limit_media, row.name))
        if self._sent.get(page_id) == now:
            return
        facts = PageFacts(
            page_id=page_id,
            sealed_token=self._box.sealed(token),
            time_zone=row.time_zone,
            weight=self._positive(page_id, "weight", row.weight),
            limit_text=self._positive(page_id, "limit_text", row.limit_text),
            limit_media=self._positive(page_id, "limit_media", row.limit_media),
            name=(row.name or "").strip() or None,
        )
        if await self._with_token([page_id]):  # another run processor was quicker, and has heard the source
            return
        await self._queue.set_page(facts)
        self._sent[page_id] = now

    def _row(self, page_id: str | None) -> PageRow:
        return self._pages.get(page_id or "") or PageRow(page_id or "")

    def _positive(self, page_id: str, column: str, text: str | None) -> int | None:
        try:
            value = float(text or "nan")
        except ValueError:
            log.warning(
                "page_value_unreadable", page_id=page_id, column=column, value=text, effect="the default counts"
            )
            return None
        return int(value) if math.isfinite(value) and value >= 1 else None
