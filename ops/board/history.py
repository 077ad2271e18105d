"""Asking the log database: within a time, and with errors that hold no secret."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from importlib.resources import files
from typing import Any, TypeVar

import psycopg
import trio
from psycopg.rows import DictRow

from ops.board import suppressions
from ops.board.run_log import RunLog, read_run_log
from ops.message_log.kept_connections import KeptConnections
from ops.message_log.log_rows import LogAnswer, read_rows
from ops.message_log.question import Question
from ops.shell.detail import telling

T = TypeVar("T")

ANSWER_WITHIN_S = 3.0
AWAY_S = 2.0
"""So long it is not asked again once it has answered nobody in time: a page would wait for each of its questions."""
_SUPPRESSIONS = files("ops.board").joinpath("sql/suppressions.sql").read_text()


class HistoryUnreachable(Exception):
    """The log database does not answer, or not as it should. The text holds no secret."""


class History:
    """Asks the log database, `within_s` seconds a question."""

    def __init__(self, url: str, within_s: float = ANSWER_WITHIN_S) -> None:
        self._connections = KeptConnections(url)
        self._within_s = within_s
        self._answered_at = self._away_until = float("-inf")

    async def ask(self, statement: str, params: dict[str, Any]) -> list[DictRow]:
        """Return the rows of one statement.

        Raises:
            HistoryUnreachable: when the log database does not answer in time, or refuses.
        """
        return await self._in_time(partial(self._connections.ask, statement, params))

    async def run_log(self, run_id: str) -> RunLog | None:
        """Return what the log knows of a run; None: nothing. Errors as of `ask`."""
        return await self._in_time(partial(read_run_log, self._connections.ask, run_id))

    async def log(self, asked: Question, limit: int) -> LogAnswer:
        """Return rows of the log, newest first. Errors as of `ask`."""
        if asked.page is not None and asked.pages is not None and asked.page not in asked.pages:
            return LogAnswer([], None)
        return await self._in_time(partial(read_rows, self._connections.ask, asked, limit))

    async def suppressions(
        self, filters: Mapping[str, str | None], limit: int, pages: Collection[str] | None = None
    ) -> suppressions.SuppressionsAnswer:
        """Return people whom runs leave out; `pages`: only of these. Errors as of `ask`, and BadFilter."""
        return suppressions.answer(await self.ask(_SUPPRESSIONS, suppressions.params(filters, limit, pages)), limit)

    async def close(self) -> None:
        """Close the connections that are kept."""
        await self._connections.close()

    async def _in_time(self, ask: Callable[[], Awaitable[T]]) -> T:
        began = trio.current_time()
        if began < self._away_until:
            raise self._silent()
        try:
            with trio.fail_after(self._within_s):
                found = await ask()
        except trio.TooSlowError:
            if self._answered_at < began:  # else it was this question that takes long
                self._away_until = trio.current_time() + AWAY_S
            raise self._silent() from None
        except (psycopg.Error, OSError) as exc:
            raise HistoryUnreachable(f"the log database cannot be read: {telling(exc)}") from exc
        self._answered_at = trio.current_time()
        return found

    def _silent(self) -> HistoryUnreachable:
        return HistoryUnreachable(f"the log database does not answer within {self._within_s:.0f} s")
