"""Messages that no row can hold, as they are kept: their places, listing and reading them. Asyncio code.

Texts and bytes in here come from anywhere: who shows them to a person makes them harmless first.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from schema.topic import Log

Connection = AsyncConnection[Any]
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

FIRST_BYTES = 4096
"""How much of a message is looked at; whole ones can be as large as the broker allows."""
SLICE_BYTES = 1024 * 1024
_FETCHED_AT_A_TIME = 16
"""Whole messages: they can have a megabyte each."""


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a message stood in a life of the topic."""

    cluster_id: str
    topic: str
    topic_id: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.cluster_id}/{self.topic}/{self.topic_id}/{self.partition}/{self.offset}"

    @property
    def log(self) -> Log:
        """The life of the topic."""
        return Log(self.cluster_id, self.topic, self.topic_id)

    @classmethod
    def read(cls, text: str) -> Place:
        """Read a place as it is shown.

        Raises:
            ValueError: saying what to write.
        """
        cluster_id, *rest = text.rsplit("/", 4)
        if len(rest) != 4 or not cluster_id or not rest[0] or _UNSTORABLE.search(text):
            raise ValueError(f"{text!r} is no place: copy one from newar log dead-letters")
        partition, offset = (int(part) if re.fullmatch("[0-9]{1,18}", part) else -1 for part in rest[2:])
        if not (0 <= partition < 2**31 and offset >= 0):
            raise ValueError(f"{text!r} is no place: partition and offset, at its end, are whole numbers")
        return cls(cluster_id, rest[0], rest[1], partition, offset)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters; all conditions hold together, and without any it is all of them."""

    places: tuple[Place, ...] | None = None
    reason: str | None = None
    """What the reason contains; capital letters do not matter."""
    since: datetime | None = None
    partition: int | None = None

    def values(self) -> dict[str, Any]:
        """Return the parameters of the statements that choose."""
        places = self.places or ()
        return {
            "any_place": self.places is None,
            "clusters": [p.cluster_id for p in places],
            "topics": [p.topic for p in places],
            "topic_ids": [p.topic_id for p in places],
            "partitions": [p.partition for p in places],
            "offsets": [p.offset for p in places],
            "reason": self.reason,
            "since": self.since,
            "partition": self.partition,
        }


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter without its bytes."""

    place: Place
    received_at: datetime
    reason: str
    size: int
    """Bytes."""


class Letter(Heading, frozen=True, kw_only=True):
    """A dead letter, whole or its beginning."""

    raw: bytes


class ReasonCount(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters with the same reason, numbers in it apart."""

    reason: str
    """With `#` for numbers."""
    letters: int
    size: int
    """Bytes of all."""
    oldest_at: datetime
    newest_at: datetime


_KEY = ("cluster_id", "topic", "topic_id", "partition", "offset")


@cache
def statement(name: str) -> bytes:
    """Return a statement of `sql/`; `{chosen}` in it is the condition for a Wanted."""
    folder = files("ingest").joinpath("sql")
    text = folder.joinpath(f"{name}.sql").read_text("utf-8")
    return text.replace("{chosen}", folder.joinpath("chosen_letters.sql").read_text("utf-8")).encode()


async def list_headings(
    connection: Connection, wanted: Wanted, limit: int, after: tuple[datetime, Place] | None = None
) -> list[Heading]:
    """Return dead letters, newest first, from behind `after` on. Errors: psycopg.Error."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement("dead_letters"), {**wanted.values(), **_after(after), "limit": limit})
        return [Heading(place=_place(row), **row) for row in await cursor.fetchall()]


async def read_letters(connection: Connection, wanted: Wanted, limit: int | None) -> AsyncGenerator[Letter, None]:
    """Yield dead letters with all their bytes, newest first; a few at a time are in memory. Errors: psycopg.Error."""
    async with connection.transaction(), connection.cursor("dead_letters", row_factory=dict_row) as cursor:
        cursor.itersize = _FETCHED_AT_A_TIME
        values = {**wanted.values(), **_after(None), "limit": limit}
        await cursor.execute(statement("dead_letters_whole"), values)
        async for row in cursor:
            yield Letter(place=_place(row), **row)  # noqa: ASYNC119 - its reader closes it


async def count_letters(connection: Connection, wanted: Wanted) -> list[ReasonCount]:
    """Return how many there are for which reason, most first. Errors: psycopg.Error."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement("dead_letters_counted"), wanted.values())
        return [ReasonCount(**row) for row in await cursor.fetchall()]


async def find_letter(connection: Connection, place: Place) -> Letter | None:
    """Return one with the first `FIRST_BYTES` of its message; None: there is none. Errors: psycopg.Error."""
    found = await _slice(connection, place, 0, FIRST_BYTES)
    return Letter(place=_place(found[0]), **found[0]) if found else None


async def raw_of(connection: Connection, place: Place) -> AsyncGenerator[bytes, None]:
    """Yield the message of a dead letter in slices. Errors: psycopg.Error."""
    start = 0
    while (found := await _slice(connection, place, start, SLICE_BYTES)) and found[0]["raw"]:
        yield found[0]["raw"]
        start += len(found[0]["raw"])


async def next_letters(connection: Connection, wanted: Wanted, after: Place | None, until: datetime) -> list[Letter]:
    """Return the next few in the order of their places, whole: 500, or 8 MB and one. Errors: psycopg.Error.

    Only those that were there at `until`: others may come in for as long as this is asked.
    """
    async with connection.cursor(row_factory=dict_row) as cursor:
        place = after or Place("", "", "", -1, -1)
        values = {f"after_{name}": value for name, value in msgspec.structs.asdict(place).items()}
        await cursor.execute(statement("dead_letters_next"), {**wanted.values(), **values, "until": until})
        return [Letter(place=_place(row), **row) for row in await cursor.fetchall()]


async def _slice(connection: Connection, place: Place, start: int, length: int) -> Sequence[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        values = {**msgspec.structs.asdict(place), "start": start, "length": length}
        await cursor.execute(statement("dead_letter"), values)
        return await cursor.fetchall()


def _place(row: dict[str, Any]) -> Place:
    return Place(*(row.pop(name) for name in _KEY))


def _after(after: tuple[datetime, Place] | None) -> dict[str, Any]:
    at, place = after or (None, Place("", "", "", 0, 0))
    return {"after_at": at, **{f"after_{name}": value for name, value in msgspec.structs.asdict(place).items()}}
