"""One page: what it does, why it is as fast as it is, its runs."""

from __future__ import annotations

from quart import Response
from quart_trio import QuartTrio

from ops.api.cockpit.frame.places import ADMIN
from ops.api.cockpit.frame.rendering import page
from ops.api.cockpit.pages.page_words import PAGE_ACTS, PAGE_LOOKS, SLOWDOWNS
from ops.api.door.who_asks import caller
from ops.api.parts import Parts
from ops.board.errors import NO_PAGE, NotFound
from ops.board.pages.page_answers import PageRow
from ops.board.pages.page_detail import page_detail


def add_page(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.get(f"{ADMIN}/pages/<page_id>")
    async def page_page(page_id: str) -> Response:
        if not caller().may_see(page_id):
            raise NotFound(NO_PAGE)
        found = await page_detail(parts.board, page_id)
        return await page(
            "page.html",
            at_place="pages",
            is_live=True,
            page=found,
            looks=PAGE_LOOKS,
            slowdowns=SLOWDOWNS,
            acts=PAGE_ACTS,
            can=possible(found),
        )


def possible(found: PageRow) -> list[str]:
    """Return what makes sense to do to a page as it stands, the likeliest first."""
    if found.state == "unknown":
        return []
    by_rule = any(one.what in ("pace", "ceiling", "pause", "probe") and not one.by_hand for one in found.because)
    steps = [
        "close" if found.breaker != "closed" else "",
        "resume" if found.paused else "pause",
        "reset" if by_rule else "",
        "open" if found.breaker == "closed" else "",
    ]
    return [step for step in steps if step]
