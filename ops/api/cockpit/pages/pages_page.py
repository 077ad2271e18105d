"""The list of pages. Search, state, order and place stand in the address."""

from __future__ import annotations

from quart import Response, redirect, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.api.cockpit.frame.places import ADMIN, with_query
from ops.api.cockpit.frame.rendering import page
from ops.api.cockpit.pages.page_words import PAGE_ACTS, PAGE_LOOKS, SLOWDOWNS, SORT_WORDS
from ops.api.door.who_asks import caller
from ops.api.parts import Parts
from ops.board.pages.page_list import USUAL
from ops.board.pages.page_orders import Wanted, place, wanted
from ops.board.suppressions import BadFilter

ADDRESS = f"{ADMIN}/pages"
FILTERS = ("search", "state", "sort")
NARROW = 20
"""Pages that a telephone shows at a time, as cockpit.css has it."""


def add_pages(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.get(ADDRESS)
    async def pages_page() -> Response | WerkzeugResponse:
        filters, after = {name: request.args.get(name, "").strip() for name in FILTERS}, request.args.get("after", "")
        try:
            want = wanted_by(filters)
            after = after or f"{(await parts.board.pages.matching(want))[0]}.0"  # what is live keeps its order
            answer = await parts.board.pages.listed(want, USUAL, after)
        except BadFilter:  # a list that is kept no longer, or an address that somebody has written
            return redirect(with_query(ADDRESS, **filters) if after else ADDRESS)
        order, first = place(after)
        narrow = min(NARROW, len(answer.pages))
        sooner = answer.next or first + narrow < answer.total
        here = with_query(ADDRESS, **filters, after=after)
        return await page(
            "pages.html",
            at_place="pages",
            is_live=True,
            here=here,
            answer=answer,
            filters=filters,
            filtered=bool(filters["search"] or filters["state"]),
            sorts=SORT_WORDS,
            looks=PAGE_LOOKS,
            slowdowns=SLOWDOWNS,
            acts=PAGE_ACTS,
            of_state=lambda state: with_query(ADDRESS, **{**filters, "state": state}),
            of_all=lambda act: with_query(f"{ADMIN}/act/pages/{act}", **filters),
            following=with_query(ADDRESS, **filters, after=answer.next) if answer.next else None,
            sooner=with_query(ADDRESS, **filters, after=f"{order}.{first + narrow}") if sooner else None,
            first=first + 1,
            shown_on_narrow=narrow,
        )


def wanted_by(filters: dict[str, str]) -> Wanted:
    """Return what these parameters want, of the pages that the reader may see. Raises BadFilter."""
    return wanted(filters["search"], filters["state"] or None, filters["sort"] or None, caller().pages)
