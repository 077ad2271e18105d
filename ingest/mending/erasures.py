"""Removing a person from the log database, and again what comes in of them afterwards. Asyncio code.

Figures are counts of nobody in particular and stay. What Redis and the topic hold is not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from psycopg import AsyncConnection

from ingest.mending.dead_letters import Place, statement

Connection = AsyncConnection[Any]

FOUND_ANYWHERE = 8
"""Ids of fewer characters are looked for only where somebody's id stands: `1` stands everywhere."""
_WORD = re.compile(rb"[\w-]+")
_QUOTED = re.compile(rb'"([^"]*)"')


class Person(msgspec.Struct, frozen=True):
    """Whom to remove."""

    recipient_id: str
    page_id: str = ""
    """Empty: from every page."""

    @property
    def pseudonym(self) -> str:
        """A short hash, for the audit trail. Some two million ids share one, so that it names nobody."""
        return sha256(self.recipient_id.encode()).hexdigest()[:8]


class Traces(msgspec.Struct):
    """How much of somebody is in the log database, or was removed from it."""

    log_rows: int = 0
    submitted_recipients: int = 0
    dead_letters: int = 0
    suppressions: int = 0
    audit_entries: int = 0
    """In which the id was replaced."""


class _Who(msgspec.Struct):
    recipient_id: str
    page_id: str = ""


_who = msgspec.json.Decoder(_Who)


class Erased:
    """Everybody who was removed: says of messages whether they name one of them."""

    def __init__(self, people: Iterable[Person] = ()) -> None:
        self._pages: dict[str, set[str]] = {}
        for person in people:
            self._pages.setdefault(person.recipient_id, set()).add(person.page_id)
        self._ids = {recipient_id.encode() for recipient_id in self._pages}

    def names(self, value: bytes | None) -> bool:
        """Whether this event is one of theirs; of what is no event, whether it holds one of their ids."""
        if not self._pages or value is None:
            return False
        try:
            who = _who.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self.mentioned(value)
        pages = self._pages.get(who.recipient_id, set())
        return "" in pages or who.page_id in pages

    def mentioned(self, value: bytes) -> bool:
        """Whether these bytes hold one of their ids."""
        words = {word for word in _WORD.findall(value) if len(word) >= FOUND_ANYWHERE}
        return not self._ids.isdisjoint(words) or not self._ids.isdisjoint(_QUOTED.findall(value))


async def load_erased(connection: Connection) -> Erased:
    """Return everybody whose events may still come in. Errors: psycopg.Error."""
    answer = await connection.execute(statement("erasures"))
    return Erased([Person(*row) async for row in answer])


async def traces_of(connection: Connection, person: Person) -> Traces:
    """Count what there is. Errors: psycopg.Error."""
    answer = await connection.execute(statement("erase_count"), _values(person))
    [(log_rows, recipients, suppressions, audit_entries)] = await answer.fetchall()
    letters = await _letters(connection, Erased([person]), _values(person))
    return Traces(log_rows, recipients, len(letters), suppressions, audit_entries)


async def erase(
    connection: Connection, person: Person, *, keep_denied_by: str | None, who: str, until: datetime | None
) -> Traces:
    """Remove somebody in one transaction, with an entry in the audit trail that does not name them.

    Args:
        connection: in autocommit mode.
        person: whom.
        keep_denied_by: who keeps them on their page's deny list; None: they are taken off it.
        who: does it.
        until: when the topic will have forgotten their events; None: never. Until then `erase_again` removes them.

    Raises:
        psycopg.Error: nothing was removed.
    """
    values = {**_values(person), "keep_denied_by": keep_denied_by, "who": who, "until": until}
    async with connection.transaction():
        await connection.execute(statement("erase_note"), values)
        done = Traces()
        for name in ("log_rows", "submitted_recipients", "suppressions", "audit_entries"):
            answer = await connection.execute(statement(f"erase_{name}"), values)
            setattr(done, name, answer.rowcount)
        done.dead_letters = await _delete_letters(connection, Erased([person]), values)
        if keep_denied_by is not None:
            await connection.execute(statement("erase_keep_denied"), values)
        counted = ", ".join(f"{n} {name}" for name, n in msgspec.structs.asdict(done).items())
        detail = f"person #{person.pseudonym}: {counted}{'; stays denied' if keep_denied_by else ''}"
        await connection.execute(statement("erase_audit"), {**values, "detail": detail})
    return done


async def erase_again(connection: Connection) -> int:
    """Remove what came in of people who were removed, and forget those whose time is over.

    Return how many rows, suppressions and dead letters went. Errors: psycopg.Error.
    """
    erased = [Person(*row) async for row in await connection.execute(statement("erasures"))]
    if not erased:
        return 0
    rows = 0
    for name in ("erase_rows_again", "erase_suppressions_again"):
        rows += (await connection.execute(statement(name))).rowcount
    for person in erased:  # few, and the trail is short
        await connection.execute(statement("erase_audit_entries"), _values(person))
    letters = await _delete_letters(connection, Erased(erased), {"recipient_id": None})
    await connection.execute(statement("erase_forget"))
    return rows + letters


async def _delete_letters(connection: Connection, erased: Erased, values: dict[str, Any]) -> int:
    places = await _letters(connection, erased, values)
    for place in places:
        await connection.execute(statement("dead_letter_delete"), msgspec.structs.asdict(place))
    return len(places)


async def _letters(connection: Connection, erased: Erased, values: dict[str, Any]) -> list[Place]:
    """Return the dead letters that hold an id; the database looks for bytes, here they must be the whole id."""
    found = []
    async with connection.transaction(), connection.cursor("naming") as cursor:
        cursor.itersize = 16
        await cursor.execute(statement("erase_letters"), values)
        async for *place, raw in cursor:
            if erased.mentioned(raw):
                found.append(Place(*place))
    return found


def _values(person: Person) -> dict[str, Any]:
    return {"recipient_id": person.recipient_id, "page_id": person.page_id, "found_anywhere": FOUND_ANYWHERE}
