"""Runs as the registry in the log database knows them: the old, the refused and those whose queue was lost."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from importlib.resources import files
from typing import Any, TypeVar

import psycopg
import trio
from psycopg.rows import DictRow

from ops.board import suppressions
from ops.board.answers import RunAnswer
from ops.board.run_log import RunLog, read_run_log
from ops.message_log.kept_connections import KeptConnections
from ops.message_log.log_rows import LogAnswer, read_rows
from ops.message_log.question import question
from ops.shell.detail import telling
from schema.outcomes import Outcome
from schema.run import RunState

T = TypeVar("T")

ANSWER_WITHIN_S = 3.0
_NEWEST = files("ops.board").joinpath("sql/newest_runs.sql").read_text()
_ONE = files("ops.board").joinpath("sql/run.sql").read_text()
_SUPPRESSIONS = files("ops.board").joinpath("sql/suppressions.sql").read_text()


class HistoryUnreachable(Exception):
    """The log database does not answer, or not as it should. The text holds no secret."""


class History:
    """Asks the registry."""

    def __init__(self, url: str) -> None:
        self._connections = KeptConnections(url)

    async def newest(self, limit: int) -> list[RunAnswer]:
        """Return the newest runs, newest first.

        Raises:
            HistoryUnreachable: when the log database does not answer in time, or refuses.
        """
        return [_run(row) for row in await self.ask(_NEWEST, {"limit": limit})]

    async def find(self, run_id: str) -> RunAnswer | None:
        """Return one run, None when it was never registered. Errors as of `newest`."""
        if "\0" in run_id:
            return None  # no text in Postgres holds one
        rows = await self.ask(_ONE, {"run_id": run_id})
        return _run(rows[0]) if rows else None

    async def run_log(self, run_id: str) -> RunLog | None:
        """Return what the log knows of a run; None: nothing. Errors as of `newest`."""
        return await self._in_time(read_run_log(self._connections.ask, run_id))

    async def log(self, filters: Mapping[str, str | None], limit: int) -> LogAnswer:
        """Return rows of the log, newest first. Errors as of `newest`, and BadQuestion."""
        return await self._in_time(read_rows(self._connections.ask, question(filters), limit))

    async def suppressions(self, filters: Mapping[str, str | None], limit: int) -> suppressions.SuppressionsAnswer:
        """Return people whom runs leave out. Errors as of `newest`, and BadFilter."""
        return suppressions.answer(await self.ask(_SUPPRESSIONS, suppressions.params(filters, limit)), limit)

    async def ask(self, statement: str, params: dict[str, Any]) -> list[DictRow]:
        """Return the rows of one statement that only reads. Errors as of `newest`."""
        return await self._in_time(self._connections.ask(statement, params))

    async def close(self) -> None:
        """Close the connections that are kept."""
        await self._connections.close()

    async def _in_time(self, question: Awaitable[T]) -> T:
        try:
            with trio.fail_after(ANSWER_WITHIN_S):
                return await question
        except trio.TooSlowError:
            raise HistoryUnreachable(f"the log database does not answer within {ANSWER_WITHIN_S:.0f} s") from None
        except (psycopg.Error, OSError) as exc:
            raise HistoryUnreachable(f"the log database cannot be read: {telling(exc)}") from exc


def _run(row: DictRow) -> RunAnswer:
    finished = row["state"] == RunState.FINISHED
    return RunAnswer(
        run_id=row["run_id"],
        page_id=row["page_id"],
        state=row["state"],
        held_by=[],
        ended_as=None,
        reason=row["reason"],
        priority=row["priority"],
        recipients=row["recipients"],
        left=0 if finished else row["recipients"],
        outcomes={outcome.value: int(row["outcomes"].get(outcome.value, 0)) for outcome in Outcome},
        progress=float(finished),
        rate_per_second=0.0,
        eta_s=None,
        taken_at=row["taken_at"],
        expires_at=row["expires_at"],
        finished_at=row["finished_at"],
    )
