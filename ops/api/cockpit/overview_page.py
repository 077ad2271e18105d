"""The start page: what needs a person, how fast it goes, what waits, and what it came to."""

from __future__ import annotations

from typing import Any

from quart import Response, redirect
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.caller import Caller
from ops.api.cockpit.frame.places import ADMIN
from ops.api.cockpit.frame.rendering import page
from ops.api.door.who_asks import caller
from ops.api.parts import Parts
from ops.board.answers import Overview
from ops.board.needs import needs
from ops.board.needs_you import has_lost_its_queue
from ops.board.pages.page_answers import PageRow
from ops.board.pages.page_orders import wanted
from ops.board.reading import QueueUnreachable
from ops.board.runs.run_answers import RunAnswer

MOST_RUNS = 10
MOST_PAGES = 10
MOST_FAILURES = 8


def add_overview(app: QuartTrio, parts: Parts) -> None:
    """Serve it, and lead there whoever comes by another way."""
    board = parts.board

    @app.get(ADMIN)
    async def overview_page() -> Response:
        who = caller()
        seen, lost = await _seen(parts)
        found = await needs(board, who.pages)
        health = await board.health()
        context = {**await _shown_to(parts, who, seen), "pages": await _busiest_pages(parts, who)} if seen else {}
        registered = await _registered(parts, who)
        if not context.get("runs"):  # Redis may have been emptied, or asked before anything was taken
            context["runs"] = registered[:MOST_RUNS]
        names = await board.names.of({run.page_id for run in context.get("runs", [])})
        return await page(
            "overview.html",
            at_place="overview",
            seen=seen,
            lost=lost,
            needs=found.needs,
            health=health,
            names=names,
            lost_runs=sum(has_lost_its_queue(run) for run in registered),
            **context,
        )

    @app.get("/")
    @app.get(f"{ADMIN}/")
    @app.get(f"{ADMIN}/queues")
    async def home() -> WerkzeugResponse:
        return redirect(ADMIN)


async def _seen(parts: Parts) -> tuple[Overview | None, str]:
    """Return what Redis says, or why it says nothing."""
    try:
        return await parts.board.summary(), ""
    except QueueUnreachable as exc:
        return None, str(exc)


async def _registered(parts: Parts, who: Caller) -> list[RunAnswer]:
    """Return the newest runs that the registry knows and that somebody may see."""
    _, runs = await parts.board.registered()
    return [run for run in runs if who.may_see(run.page_id)]


async def _busiest_pages(parts: Parts, who: Caller) -> list[PageRow]:
    """Return the pages with the most messages left, which their own list shows in full."""
    try:
        return (await parts.board.pages.listed(wanted("", None, "backlog", who.pages), MOST_PAGES)).pages
    except QueueUnreachable:
        return []


async def _shown_to(parts: Parts, who: Caller, seen: Overview) -> dict[str, Any]:
    """Return those lists that somebody may see, as long as a start page shows them."""
    failures = [event for event in seen.failures if who.may_see(event.page_id)]
    if who.pages is None:
        runs = seen.queue.runs + seen.other_runs
        more = seen.queue.runs_unfinished > MOST_RUNS or len(runs) > MOST_RUNS
    else:  # the busiest of all pages may be none of theirs
        answer = await parts.board.runs(MOST_RUNS, pages=who.pages)
        runs, more = answer.runs, answer.next is not None
    return {
        "everything": who.pages is None,
        "runs": runs[:MOST_RUNS],
        "more_runs": more,
        "failures": failures[:MOST_FAILURES],
    }
