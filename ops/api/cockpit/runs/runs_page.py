"""The list of runs, filtered by what stands in the address."""

from __future__ import annotations

from quart import Response, request
from quart_trio import QuartTrio

from ops.api.cockpit.frame.places import ADMIN, with_query
from ops.api.cockpit.frame.rendering import page
from ops.api.door.who_asks import caller
from ops.api.parts import Parts

LISTED = 50
ADDRESS = f"{ADMIN}/runs"
CHOICES = ("sending", "waiting", "filling", "scheduled", "draining", "finished", "cancelled", "expired", "refused")


def add_runs(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.get(ADDRESS)
    async def runs_page() -> Response:
        filters = {name: request.args.get(name, "").strip() for name in ("status", "page", "search")}
        answer = await parts.board.runs(LISTED, pages=caller().pages, **filters, after=request.args.get("after"))
        older = with_query(ADDRESS, **filters, after=answer.next) if answer.next else None
        return await page(
            "runs.html",
            at_place="runs",
            is_live=not request.args.get("after"),
            runs=answer.runs,
            history=answer.history,
            filters=filters,
            filtered=any(filters.values()),
            choices=CHOICES,
            older=older,
        )
