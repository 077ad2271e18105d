"""Who is left out, and why: the list, adding to a page's deny list, lifting."""

from __future__ import annotations

from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.caller import Role
from ops.acts.people_acts import PeopleDenied, deny, lift
from ops.api.cockpit.frame.acting import attempt, told
from ops.api.cockpit.frame.places import ADMIN, with_query
from ops.api.cockpit.frame.rendering import page
from ops.api.cockpit.frame.writing import count, say, why
from ops.api.door.who_asks import caller, demand
from ops.api.parts import Parts
from ops.board.board import NotFound
from ops.board.history import HistoryUnreachable
from ops.board.suppressions import BadFilter, SuppressionsAnswer
from sender.runs.by_hand.files.deny_file import LONGEST_NOTE, Denial

ADDRESS = f"{ADMIN}/suppressions"
LISTED = 25
LONGEST_ID = 100


def add_suppressions(app: QuartTrio, parts: Parts) -> None:
    """Serve the list."""

    @app.get(ADDRESS)
    async def suppressions_page() -> Response:
        names = ("page", "person", "reason", "after")
        given = {name: text for name in names if (text := request.args.get(name, "").strip())}
        problem, answer = "", SuppressionsAnswer([], None)
        try:
            answer = await parts.board.suppressions(LISTED, pages=caller().pages, **given)
        except (BadFilter, HistoryUnreachable, NotFound) as exc:
            problem = why(exc)
        older = with_query(ADDRESS, **{**given, "after": answer.next}) if answer.next else None
        rows = answer.suppressions
        return await page(
            "suppressions.html", at_place="suppressions", rows=rows, problem=problem, given=given, older=older
        )

    @app.post(f"{ADDRESS}/deny")
    async def deny_people() -> WerkzeugResponse:
        form = await request.form
        page_id, note = form.get("page", "").strip(), form.get("note", "").strip()[:LONGEST_NOTE] or None
        who = demand(Role.OPERATOR, page_id=page_id)
        people = form.get("people", "").split()
        if not people or not all(_is_id(text) for text in (page_id, *people)):
            text = say("Page and people are written as digits, one person a line. Nothing was changed.")
            return await told(text, "bad")
        entries = [Denial(page_id, person, note) for person in people]
        return await attempt(deny(parts.desks.people, entries, "suppression add", who.who), _denied)

    @app.post(f"{ADDRESS}/lift")
    async def lift_person() -> WerkzeugResponse:
        page_id, person, reason = (request.args.get(name, "") for name in ("page", "person", "reason"))
        who = demand(Role.OPERATOR, page_id=page_id)
        return await attempt(
            lift(parts.desks.people, page_id, [person], reason or None, who.who),
            lambda _done: say("%(person)s is no longer left out.", person=person),
        )


def _denied(done: PeopleDenied) -> str:
    return say("People left out: %(n)s. New entries: %(changed)s.", n=count(done.denied), changed=count(done.changed))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_ID
