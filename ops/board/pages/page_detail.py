"""One page, with all that is known of it."""

from __future__ import annotations

import msgspec

from ops.board.board import Board, NotFound
from ops.board.pages.page_answers import PageDetail

SHOWN_RUNS = 50


async def page_detail(board: Board, page_id: str) -> PageDetail:
    """Return a page, its limits explained and its unfinished runs.

    Raises:
        NotFound: when it never had a run.
        QueueUnreachable: when Redis is away.
    """
    row, latency = await board.pages.one(page_id)
    if row is None:
        raise NotFound("this page never had a run")
    limits = await board.page_limits(page_id)
    unfinished = [run.run_id for run in (await board.moment()).reading.unfinished if run.page_id == page_id]
    runs = []
    for run_id in unfinished[:SHOWN_RUNS]:
        try:
            runs.append(await board.find_run(run_id))
        except NotFound:  # it has ended meanwhile
            continue
    return PageDetail(
        **msgspec.structs.asdict(row),
        limits=limits,
        unfinished=runs,
        more_unfinished=max(0, len(unfinished) - SHOWN_RUNS),
        latency=latency,
    )
