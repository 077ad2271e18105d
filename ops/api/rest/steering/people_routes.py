"""The deny list, and lifting what suppresses people."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ops.acts.people_acts import PeopleDenied, PeopleLifted, deny, lift
from ops.api.rest.steering.act_route import ActRoute, Asked, Body
from sender.runs.by_hand.files.deny_file import LONGEST_NOTE, Denial

SUPPRESSIONS = "/api/v1/suppressions"
MOST_PEOPLE = 10_000
_PAGE = "^[0-9]{1,100}$"

PageNumber = Annotated[str, Meta(pattern=_PAGE)]
Person = Annotated[str, Meta(pattern="^[0-9]{1,100}$")]
NewPerson = Annotated[str, Meta(pattern="^[1-9][0-9]{0,29}$")]
People = Annotated[list[Person], Meta(min_length=1, max_length=MOST_PEOPLE)]
NewPeople = Annotated[list[NewPerson], Meta(min_length=1, max_length=MOST_PEOPLE)]


class ToDeny(Body, frozen=True, kw_only=True):
    """People of a page whom no run shall send to."""

    page_id: PageNumber
    people: NewPeople
    """Their page-scoped ids."""
    note: Annotated[str, Meta(max_length=LONGEST_NOTE)] | None = None
    """Why, for those who read the list."""


class ToLift(Body, frozen=True, kw_only=True):
    """People of a page whom runs shall send to again."""

    page_id: PageNumber
    people: People
    reason: Literal["recipient_gone", "denied"] | None = None
    """Lift only this; null: both."""


async def _deny(asked: Asked, body: ToDeny) -> PeopleDenied:
    asked.of_page(body.page_id)
    entries = [Denial(body.page_id, person, body.note) for person in body.people]
    return await deny(asked.desks.people, entries, "suppression add", asked.who)


async def _lift(asked: Asked, body: ToLift) -> PeopleLifted:
    asked.of_page(body.page_id)
    return await lift(asked.desks.people, body.page_id, body.people, body.reason, asked.who)


PEOPLE_ROUTES = (
    ActRoute(
        SUPPRESSIONS,
        "Put people on a page's deny list",
        ToDeny,
        PeopleDenied,
        _deny,
        "No run sends to them, nor do jobs that wait already, until they are taken off.",
    ),
    ActRoute(f"{SUPPRESSIONS}/lift", "Lift what keeps people out of a page's runs", ToLift, PeopleLifted, _lift),
)
