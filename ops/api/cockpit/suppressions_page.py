"""Who is left out, and why: the list, adding to a page's deny list, lifting."""

from __future__ import annotations

from quart import Response, request
from quart_trio import QuartTrio

from ops.api.cockpit.frame.places import ADMIN, with_query
from ops.api.cockpit.frame.rendering import page
from ops.api.door.who_asks import caller
from ops.api.parts import Parts
from ops.board.board import NotFound
from ops.board.history import HistoryUnreachable
from ops.board.suppressions import BadFilter, SuppressionsAnswer

ADDRESS = f"{ADMIN}/suppressions"
LISTED = 25


def add_suppressions(app: QuartTrio, parts: Parts) -> None:
    """Serve the list."""

    @app.get(ADDRESS)
    async def suppressions_page() -> Response:
        names = ("page", "person", "reason", "after")
        given = {name: text for name in names if (text := request.args.get(name, "").strip())}
        who, problem, answer = caller(), "", SuppressionsAnswer([], None)
        try:
            answer = await parts.board.suppressions(LISTED, **given)
        except (BadFilter, HistoryUnreachable, NotFound) as exc:
            problem = str(exc)
        older = with_query(ADDRESS, **{**given, "after": answer.next}) if answer.next else None
        rows = [row for row in answer.suppressions if who.may_see(row.page_id)]
        return await page(
            "suppressions.html", at_place="suppressions", rows=rows, problem=problem, given=given, older=older
        )
