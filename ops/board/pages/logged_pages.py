"""What the log database knows of pages: all that ever had a run, their names, and how many of their runs go on.

Redis, which is asked for all else of pages, may have been emptied since.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.resources import files

import msgspec
import trio

from ops.board.history import HistoryUnreachable
from ops.board.pages.page_latencies import Ask
from ops.board.runs.run_answers import CheckStatus

FRESH_S = 30.0
ANSWER_WITHIN_S = 1.0
MOST_PAGES = 100_000
_ALL = files("ops.board").joinpath("sql/logged_pages.sql").read_text()
_NAMES = files("ops.board").joinpath("sql/page_names.sql").read_text()


class LoggedPage(msgspec.Struct, frozen=True):
    """Columns of `logged_pages.sql`."""

    page_id: str
    name: str | None
    runs: int
    """Those that have not ended, as far as the registry knows."""


class LoggedPages:
    """Keeps what it has heard for half a minute, and for as long as nothing newer can be heard.

    Args:
        ask: asks the log database; None: there is none.
    """

    def __init__(self, ask: Ask | None) -> None:
        self._ask = ask
        self._pages: Mapping[str, LoggedPage] = {}
        self._status: CheckStatus = "not_configured" if ask is None else "unknown"
        self._until = float("-inf")

    async def all(self) -> tuple[CheckStatus, Mapping[str, LoggedPage]]:
        """Return all of them by id, and whether the log database could be asked lately. Never fails."""
        now = trio.current_time()
        if self._ask is not None and now >= self._until:
            try:
                with trio.fail_after(ANSWER_WITHIN_S):
                    rows = await self._ask(_ALL, {"limit": MOST_PAGES})
                self._pages, self._status = {row["page_id"]: LoggedPage(**row) for row in rows}, "ok"
                self._until = now + FRESH_S
            except (trio.TooSlowError, HistoryUnreachable):
                self._status = "down"
        return self._status, self._pages

    async def names(self, page_ids: Collection[str]) -> Mapping[str, str]:
        """Return the names of those of these pages that have one.

        Raises:
            HistoryUnreachable: the log database does not answer.
        """
        wanted = [page_id for page_id in page_ids if "\0" not in page_id]
        if self._ask is None or not wanted:
            return {}
        return {row["page_id"]: row["name"] for row in await self._ask(_NAMES, {"page_ids": wanted})}
