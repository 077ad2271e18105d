"""The list of runs, filtered by what stands in the address."""

from __future__ import annotations

from quart import Response, request
from quart_trio import QuartTrio

from ops.api.cockpit.frame.places import ADMIN, with_query
from ops.api.cockpit.frame.rendering import page
from ops.api.cockpit.frame.state_words import status_of
from ops.api.door.who_asks import caller
from ops.api.parts import Parts

LISTED = 50
ADDRESS = f"{ADMIN}/runs"
CHOICES = ("sending", "waiting", "filling", "scheduled", "draining", "finished", "cancelled", "expired", "refused")


def add_runs(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.get(ADDRESS)
    async def runs_page() -> Response:
        who, filters = caller(), {name: request.args.get(name, "").strip() for name in ("status", "page", "search")}
        answer = await parts.board.runs(100)
        runs = [
            run
            for run in answer.runs
            if who.may_see(run.page_id)
            and filters["status"] in ("", status_of(run))
            and filters["page"] in ("", run.page_id)
            and filters["search"] in run.run_id
        ]
        following = getattr(answer, "next", None)
        older = with_query(ADDRESS, **filters, after=following) if following else None
        return await page(
            "runs.html",
            at_place="runs",
            is_live=not request.args.get("after"),
            runs=runs[:LISTED],
            history=answer.history,
            filters=filters,
            filtered=any(filters.values()),
            choices=CHOICES,
            older=older,
        )
