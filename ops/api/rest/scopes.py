"""What of each answer those may see who may see some pages: the others' rows are left out, their runs are not there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ops.api.door.who_asks import caller, demand_every_page
from ops.board.answers import FailuresAnswer
from ops.board.board import Board, NotFound
from ops.board.errors import NO_PAGE
from ops.board.limit_answers import LimitsAnswer
from ops.board.reading import NEWEST_FAILURES
from ops.board.runs.run_answers import RunDetail, RunsAnswer
from ops.board.suppressions import SuppressionsAnswer
from ops.board.timeline.timeline_answers import TimelineAnswer
from ops.message_log.log_rows import LogAnswer

T = TypeVar("T")


def whole(read: Callable[[Board], Awaitable[T]]) -> Callable[[Board], Awaitable[T]]:
    """Answer with figures of all pages together only those who may see every page. Raises Forbidden."""

    async def of_all(board: Board) -> T:
        demand_every_page()
        return await read(board)

    return of_all


async def read_runs(board: Board, limit: int, **filters: str | None) -> RunsAnswer:
    """Return runs, newest first. Errors: BadFilter, QueueUnreachable."""
    return await board.runs(limit, pages=caller().pages, **filters)


async def read_run(board: Board, run_id: str) -> RunDetail:
    """Return a run. Errors: NotFound, QueueUnreachable, HistoryUnreachable."""
    return await board.run(run_id, pages=caller().pages)


async def read_timeline(board: Board, run_id: str) -> TimelineAnswer:
    """Return what held a run. Errors: as of `read_run`."""
    run = await board.run(run_id, pages=caller().pages)
    return await board.timelines.of(run, of_all=caller().pages is None)


async def read_limits(board: Board, page_id: str) -> LimitsAnswer:
    """Return why a page is as fast as it is. Errors: NotFound, QueueUnreachable."""
    if not caller().may_see(page_id):
        raise NotFound(NO_PAGE)
    return await board.page_limits(page_id)


async def read_failures(board: Board, limit: int) -> FailuresAnswer:
    """Return the newest failures. Errors: QueueUnreachable."""
    newest = (await board.failures(NEWEST_FAILURES)).failures
    return FailuresAnswer(failures=[event for event in newest if caller().may_see(event.page_id)][:limit])


async def read_suppressions(board: Board, limit: int, **filters: str | None) -> SuppressionsAnswer:
    """Return people whom runs leave out. Errors as of Board's."""
    return await board.suppressions(limit, pages=caller().pages, **filters)


async def read_log(board: Board, limit: int, **filters: str | None) -> LogAnswer:
    """Return rows of the log. Errors as of Board's."""
    return await board.log(limit, pages=caller().pages, **filters)
