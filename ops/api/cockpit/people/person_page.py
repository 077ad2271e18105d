"""One person: every run, each attempt, what is still to come, and why nothing was sent."""

from __future__ import annotations

from quart import Response, request
from quart_trio import QuartTrio

from ops.api.cockpit.frame.places import ADMIN, person_address, with_query
from ops.api.cockpit.frame.rendering import page
from ops.api.cockpit.pages.page_words import PLACES
from ops.api.door.who_asks import caller
from ops.api.parts import Parts


def add_person(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.get(f"{ADMIN}/people/<psid>")
    async def person_page(psid: str) -> Response:
        of_page = request.args.get("page", "").strip() or None
        after = request.args.get("after") or None
        person = await parts.board.jobs.people.person(psid, caller().pages, page_id=of_page, after=after)
        older = with_query(person_address(psid), page=of_page, after=person.next) if person.next else None
        return await page(
            "person.html", at_place="log", is_live=False, person=person, older=older, places_of_jobs=PLACES
        )
