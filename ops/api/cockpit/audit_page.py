"""What people did, or rules, newest first."""

from __future__ import annotations

import msgspec
from quart import Response, request
from quart_trio import QuartTrio

from ops.api.cockpit.frame.places import ADMIN, with_query
from ops.api.cockpit.frame.rendering import page
from ops.api.cockpit.frame.writing import why
from ops.api.door.who_asks import caller
from ops.api.parts import Parts
from ops.board.audit.audit_question import audit_question
from ops.board.audit.audit_trail import AuditAnswer
from ops.board.suppressions import BadFilter

ADDRESS = f"{ADMIN}/audit"
LISTED = 50
FILTERS = ("by", "who", "what", "target", "after")


def add_audit(app: QuartTrio, parts: Parts) -> None:
    """Serve it; whoever may see some pages sees what was done to these."""

    @app.get(ADDRESS)
    async def audit_page() -> Response:
        given = {name: text for name in FILTERS if (text := request.args.get(name, "").strip())}
        problem, answer = "", AuditAnswer(acts=[], waiting=None, missing=[], next=None)
        try:
            asked = msgspec.structs.replace(audit_question(given), pages=caller().pages)
            answer = await parts.board.trail.read(asked, LISTED)
        except BadFilter as exc:
            problem = why(exc)
        older = with_query(ADDRESS, **{**given, "after": answer.next}) if answer.next else None
        export = with_query("/api/v1/audit", **{n: t for n, t in given.items() if n != "after"}, format="csv")
        return await page(
            "audit.html", at_place="audit", answer=answer, problem=problem, given=given, older=older, export=export
        )
