"""Putting dead letters into the log after a mend: read again, perhaps edited, and written as any. Asyncio code."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from itertools import groupby

import msgspec

from ingest.mending.dead_letters import Connection, Letter, Place, Wanted, next_letters, statement
from ingest.mending.edit import Edit, NotEdited
from ingest.writing.batch import Batch
from ingest.writing.rows import DeadLetter, NewerEvents, Row, read_message
from ingest.writing.transaction import Written
from ingest.writing.writer import Writer
from schema.topic import Log

_TOLD = "it cannot be put back"


class Tried(msgspec.Struct, frozen=True):
    """What a dead letter reads as now."""

    letter: Letter
    value: bytes
    """What was read: its message, or what the edit made of that."""
    read: Row | DeadLetter


class Redriven(msgspec.Struct):
    """What became of those tried so far."""

    tried: int = 0
    rows: int = 0
    repeated: int = 0
    """Were in the log already: nothing was written, and the dead letter is gone."""
    corrected: int = 0
    stay: int = 0
    """Still refused, the conflicting ones among them."""
    conflicting: int = 0
    too_old: int = 0

    def add(self, tried: int, written: Written) -> None:
        """Count a batch."""
        self.tried += tried
        self.stay += written.dead_letters
        for name in ("rows", "repeated", "corrected", "conflicting", "too_old"):
            setattr(self, name, getattr(self, name) + getattr(written, name))


async def try_again(
    connection: Connection, wanted: Wanted, edit: Edit | None, until: datetime
) -> AsyncIterator[list[Tried]]:
    """Yield dead letters as they read now, some at a time, in the order of their places; nothing is changed.

    Raises:
        EditRefused: the edit can be used for none.
        psycopg.Error: the log database is away or refuses.
    """
    last: Place | None = None
    while letters := await next_letters(connection, wanted, last, until):
        last = letters[-1].place
        raws = [letter.raw for letter in letters]
        values = await edit.apply(raws) if edit else raws
        yield [_tried(letter, value) for letter, value in zip(letters, values, strict=True)]


def _tried(letter: Letter, value: bytes | NotEdited) -> Tried:
    place = letter.place
    if isinstance(value, NotEdited):
        return Tried(letter, letter.raw, DeadLetter(place.partition, place.offset, letter.raw, value.reason, _TOLD))
    return Tried(letter, value, _read(place, value))


def _read(place: Place, value: bytes) -> Row | DeadLetter:
    try:
        return read_message(place.partition, place.offset, value)
    except NewerEvents as exc:  # of this one alone: the others can be put back
        return DeadLetter(place.partition, place.offset, value, str(exc), _TOLD)


async def write_again(connection: Connection, writer: Writer, tried: list[Tried], done: Redriven) -> None:
    """Write what can be a row now, in a transaction for each life of the topic, and count it. Errors: psycopg.Error.

    Those that are refused again stay with their bytes and get the new reason, over `connection`.
    """
    for log, some in _by_life(tried):
        batch, places = Batch(), [(t.letter.place.partition, t.letter.place.offset) for t in some]
        for (partition, offset), one in zip(places, some, strict=True):
            batch.add(partition, (offset, offset + 1), [one.read], 0.0)
        written = await writer.write_beside(log, batch, redriven=set(places))
        done.add(len(some), written)
        reasons = {(letter.partition, letter.offset): letter.reason for letter in written.dead}
        refused = [(t.letter.place, reason) for t, p in zip(some, places, strict=True) if (reason := reasons.get(p))]
        await _give_reasons(connection, refused)


async def _give_reasons(connection: Connection, refused: Sequence[tuple[Place, str]]) -> None:
    if refused:
        columns = Wanted(places=tuple(place for place, _ in refused)).values()
        await connection.execute(statement("dead_letter_reasons"), {**columns, "reasons": [r for _, r in refused]})


def _by_life(tried: list[Tried]) -> Iterator[tuple[Log, list[Tried]]]:
    for log, some in groupby(tried, key=lambda t: t.letter.place.log):
        yield log, list(some)


def reasons(tried: list[Tried]) -> Counter[str]:
    """Return why how many of these cannot be rows."""
    return Counter(t.read.reason for t in tried if isinstance(t.read, DeadLetter))
