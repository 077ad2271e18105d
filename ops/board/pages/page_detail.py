"""One page, with all that is known of it."""

from __future__ import annotations

import msgspec

from ops.board.board import Board
from ops.board.errors import NO_PAGE, NotFound
from ops.board.limit_answers import LimitsAnswer
from ops.board.pages.page_answers import PageDetail, PageRow
from ops.board.runs.run_answers import OVER, CheckStatus, RunAnswer

SHOWN_RUNS = 50


async def page_detail(board: Board, page_id: str) -> PageDetail:
    """Return a page, its limits explained and its unfinished runs.

    Raises:
        NotFound: when it never had a run.
        QueueUnreachable: when Redis is away.
    """
    row, latency = await board.pages.one(page_id)
    if row is None:
        raise NotFound(NO_PAGE)
    if row.state == "unknown":
        runs = [run for run in (await board.runs(SHOWN_RUNS, pages=[page_id])).runs if run.status not in OVER]
        return _detail(row, None, runs, row.runs, latency)
    limits = await board.page_limits(page_id)
    unfinished = [run.run_id for run in (await board.moment()).reading.unfinished if run.page_id == page_id]
    runs = []
    for run_id in unfinished[:SHOWN_RUNS]:
        try:
            runs.append(await board.find_run(run_id))
        except NotFound:  # it has ended meanwhile
            continue
    return _detail(row, limits, runs, len(unfinished), latency)


def _detail(
    row: PageRow, limits: LimitsAnswer | None, runs: list[RunAnswer], unfinished: int, latency: CheckStatus
) -> PageDetail:
    return PageDetail(
        **msgspec.structs.asdict(row),
        limits=limits,
        unfinished=runs,
        more_unfinished=max(0, unfinished - len(runs)),
        latency=latency,
    )
