"""What programs ask of one person and of one job: only of pages that they may see."""

from __future__ import annotations

from ops.api.door.problems import BadParameter
from ops.api.door.who_asks import caller
from ops.board.board import Board
from ops.board.people.person_answers import JobAnswer, PersonAnswer

FILTERS = ("page", "after")
LONGEST_ID = 500


async def read_person(board: Board, psid: str, **filters: str | None) -> PersonAnswer:
    """Return what is known of a person. Errors: BadParameter, BadQuestion, NotFound, HistoryUnreachable."""
    _check(psid, filters["page"] or "")
    may_see = caller().may_see
    return await board.jobs.people.person(
        psid, may_see, page_id=filters["page"] or None, after=filters["after"] or None
    )


async def read_job(board: Board, run_id: str, psid: str) -> JobAnswer:
    """Return what is known of a job. Errors: as of `read_person`."""
    _check(psid, run_id)
    return await board.jobs.job(run_id, psid, caller().may_see)


def _check(*ids: str) -> None:
    if any("\0" in one for one in ids):
        raise BadParameter("an id holds a NUL character")
    if any(len(one) > LONGEST_ID for one in ids):
        raise BadParameter(f"an id is longer than {LONGEST_ID} characters")
