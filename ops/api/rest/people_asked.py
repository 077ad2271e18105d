"""What programs ask of one person and of one job: only of pages that they may see."""

from __future__ import annotations

from ops.api.door.who_asks import caller
from ops.board.board import Board
from ops.board.people.person_answers import JobAnswer, PersonAnswer

FILTERS = ("page", "after")


async def read_person(board: Board, psid: str, **filters: str | None) -> PersonAnswer:
    """Return what is known of a person. Errors: BadQuestion, NotFound, HistoryUnreachable."""
    pages = caller().pages
    return await board.jobs.people.person(psid, pages, page_id=filters["page"] or None, after=filters["after"] or None)


async def read_job(board: Board, run_id: str, psid: str) -> JobAnswer:
    """Return what is known of a job. Errors: as of `read_person`."""
    return await board.jobs.job(run_id, psid, caller().pages)
