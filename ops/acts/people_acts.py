"""The deny list, and lifting what suppresses people: the log database has it, and the queue is told at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
from redis.exceptions import RedisError

from ops.acts.not_done import CannotNow, NoSuch
from ops.shell.detail import telling
from schema.runtime.asyncio_door import aio
from sender.queue.denied_people import DeniedPeople
from sender.runs.by_hand import suppress
from sender.runs.by_hand.files.deny_file import Denial
from sender.runs.by_hand.files.tables.bad_line import BadLine

GONE = "recipient_gone"
DENIED = "denied"


class PeopleDenied(msgspec.Struct, frozen=True):
    """Who is on deny lists now."""

    denied: int
    """People, those that were there already among them."""
    changed: int
    """Entries that are new, or have a new note."""


class Lifted(msgspec.Struct, frozen=True):
    """Somebody who is no longer left out."""

    recipient_id: str
    reason: str


class PeopleLifted(msgspec.Struct, frozen=True):
    """Who is no longer left out; nobody: only jobs that waited were still kept from somebody."""

    page_id: str
    lifted: list[Lifted]


@dataclass(frozen=True)
class PeopleDesk:
    """What these acts work at."""

    denied: DeniedPeople
    log_url: str | None
    """None: it is not known here."""

    @property
    def url(self) -> str:
        """The log database. Raises CannotNow: it is not known here."""
        if self.log_url is None:
            raise CannotNow("LOG_DATABASE_URL is not set for this service: the deny list is in the log database")
        return self.log_url


async def deny(desk: PeopleDesk, entries: Iterable[Denial | BadLine], words: str, who: str) -> PeopleDenied:
    """Put people on their pages' deny lists, all or none: no run sends to them, nor do jobs that wait already.

    `words`: of the act, for the audit trail.

    Raises:
        BadFile: entries cannot be used; all are counted, the first are named.
        CannotNow: the list is changed, and jobs that wait in the queue do not know yet.
        psycopg.Error: nothing was changed.
    """
    done = await aio(suppress.deny, desk.url, entries, who)
    await _tell_queue(desk, "add", done.people, words, who, changed=bool(done.changed))
    return PeopleDenied(sum(len(set(people)) for people in done.people.values()), done.changed)


async def lift(desk: PeopleDesk, page_id: str, people: Sequence[str], reason: str | None, who: str) -> PeopleLifted:
    """Lift what keeps people of a page out of its runs, for this reason, or (None) for any.

    Raises:
        NoSuch: nobody of them is suppressed.
        CannotNow, psycopg.Error: as above.
    """
    reasons = [reason] if reason else [GONE, DENIED]
    lifted = await aio(suppress.lift, desk.url, page_id, list(people), reasons)
    what: Literal["remove", "lift"] = "lift" if reason == GONE else "remove"
    told = {page_id: list(people)}
    here = await _tell_queue(desk, what, told, "suppression remove", who, changed=bool(lifted))
    if not lifted and not here:
        raise NoSuch("nobody of them is suppressed on page %(page)s: newar suppression list shows who is", page=page_id)
    return PeopleLifted(page_id, [Lifted(person, why) for person, why in lifted])


async def _tell_queue(
    desk: PeopleDesk,
    what: Literal["add", "remove", "lift"],
    people: Mapping[str, list[str]],
    words: str,
    who: str,
    *,
    changed: bool,
) -> int:
    """Let jobs that wait already obey; return for how many people that is news."""
    change = desk.denied.change
    try:
        return sum([await change(what, p, ids, who=who, command=words, changed=changed) for p, ids in people.items()])
    except RedisError as exc:
        raise CannotNow(
            "Redis: %(said)s. The list is changed, and later runs obey it; jobs that wait in the queue do not yet: "
            "give the command again when Redis answers",
            said=telling(exc),
        ) from exc
