"""What programs ask of pages. Who may not see a page hears the same as of one that never had a run."""

from __future__ import annotations

from ops.api.door.who_asks import caller
from ops.board.board import Board, NotFound
from ops.board.errors import NO_PAGE
from ops.board.pages.page_answers import PageDetail, PagesAnswer
from ops.board.pages.page_detail import page_detail
from ops.board.pages.page_orders import wanted

FILTERS = ("search", "state", "sort", "after")


async def read_pages(board: Board, limit: int, **filters: str | None) -> PagesAnswer:
    """Return pages of the list. Errors: BadFilter, QueueUnreachable."""
    want = wanted(filters["search"], filters["state"], filters["sort"], caller().pages)
    return await board.pages.listed(want, limit, filters["after"])


async def read_page(board: Board, page_id: str) -> PageDetail:
    """Return one page. Errors: NotFound, QueueUnreachable."""
    if not caller().may_see(page_id):
        raise NotFound(NO_PAGE)
    return await page_detail(board, page_id)
