"""Rows of the message log, by the questions that an index answers."""

from __future__ import annotations

from quart import Response, request
from quart_trio import QuartTrio

from ops.api.cockpit.frame.places import ADMIN, with_query
from ops.api.cockpit.frame.rendering import page
from ops.api.cockpit.frame.writing import why
from ops.api.door.who_asks import caller
from ops.api.parts import Parts
from ops.board.board import NotFound
from ops.board.history import HistoryUnreachable
from ops.message_log.log_rows import LogAnswer
from ops.message_log.question import FILTERS, BadQuestion
from schema.outcomes import ErrorClass, Outcome

ADDRESS = f"{ADMIN}/log"
LISTED = 25
NEWEST_FAILURES = {"failures": "1"}


def add_log(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.get(ADDRESS)
    async def log_page() -> Response:
        given = {name: text for name in FILTERS if (text := request.args.get(name, "").strip())}
        problem, answer = "", LogAnswer([], None)
        try:
            answer = await parts.board.log(LISTED, pages=caller().pages, **(given or NEWEST_FAILURES))
        except (BadQuestion, HistoryUnreachable, NotFound) as exc:
            problem = why(exc)
        older = with_query(ADDRESS, **{**(given or NEWEST_FAILURES), "after": answer.next}) if answer.next else None
        return await page(
            "log.html",
            at_place="log",
            rows=answer.rows,
            problem=problem,
            given=given or NEWEST_FAILURES,
            older=older,
            outcomes=[outcome.value for outcome in Outcome],
            classes=[error_class.value for error_class in ErrorClass],
        )
