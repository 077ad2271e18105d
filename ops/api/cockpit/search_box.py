"""The search box: to the run, the page or the person that somebody means."""

from __future__ import annotations

from quart import redirect, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.api.cockpit.frame.places import ADMIN, page_address, person_address, run_address, with_query
from ops.api.door.who_asks import caller
from ops.api.parts import Parts
from ops.board.board import NotFound
from ops.board.history import HistoryUnreachable
from ops.board.reading import QueueUnreachable


def add_search_box(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.get(f"{ADMIN}/find")
    async def find() -> WerkzeugResponse:
        return redirect(await _place(parts, request.args.get("q", "").strip()))


async def _place(parts: Parts, wanted: str) -> str:
    """Return the run of this id; of a number the page, else the person; else the runs and pages that are like it."""
    if not wanted:
        return f"{ADMIN}/runs"
    if await _is_run(parts, wanted):
        return run_address(wanted)
    if not (wanted.isascii() and wanted.isdigit()):
        return with_query(f"{ADMIN}/runs", search=wanted)
    return page_address(wanted) if await _is_page(parts, wanted) else person_address(wanted)


async def _is_run(parts: Parts, wanted: str) -> bool:
    try:
        return caller().may_see((await parts.board.run(wanted)).page_id)
    except (NotFound, QueueUnreachable, HistoryUnreachable):
        return False


async def _is_page(parts: Parts, wanted: str) -> bool:
    try:
        await parts.board.page_limits(wanted)
    except (NotFound, QueueUnreachable):
        return False
    return caller().may_see(wanted)
