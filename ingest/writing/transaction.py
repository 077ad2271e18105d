"""One batch as one transaction of Postgres: rows, figures, dead letters and offsets, all or nothing. Asyncio.

A batch is copied straight into the log, in the hope that all its rows are new and good, as those of nearly every batch
are: in three round trips. Where they are not, all of it is written once more, slowly: what is there already is sorted
out, and what the database refuses is searched for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from importlib.resources import files
from typing import Any

import msgspec
from psycopg import errors
from psycopg.sql import SQL, Composed, Identifier, Literal

from ingest.writing.batch import Batch
from ingest.writing.copy_rows import Connection, LeftOut, begin_and_copy, check_deferred, copy_those_that_fit
from ingest.writing.known_days import Dated
from ingest.writing.refusals import is_there_already, refuses_a_row, told, words
from ingest.writing.rows import DeadLetter, Row, refused
from ingest.writing.standing import CONTENT, Correction, Identity, Sorted, content, sort_out
from ingest.writing.stop_share import StopShare
from ingest.writing.tally import Tally
from schema.topic import Log

LONGEST_WAIT_MS = 10_000
"""For somebody else's lock. Then it is said, and tried again."""
_BURY_BYTES = 1024 * 1024
_MOST_MEETINGS = 10
"""How often others may be quicker with one of our rows; then there is something that we do not understand."""

PartitionOffset = tuple[int, int]
"""Partition and offset."""


def _sql(name: str) -> bytes:
    return files("ingest").joinpath("sql", f"{name}.sql").read_bytes()


_BURY, _UNBURY, _ADD_RUNS, _ADD_PAGES, _ADD_ALL_PAGES, _NOTE_GONE, _CORRECT = map(
    _sql, ("bury", "unbury", "add_run_figures", "add_page_figures", "add_log_figures", "note_gone", "correct_row")
)


def _composed(name: str, **parts: Any) -> Composed:
    text: Any = _sql(name).decode()  # ours: as good as a literal
    return SQL(text).format(**parts)


_FIND = _composed("find_rows", columns=SQL(", ").join(map(Identifier, ("sent_at", "event_id", *CONTENT))))


class Written(msgspec.Struct, frozen=True):
    """What a batch became."""

    rows: int
    """New rows."""
    corrected: int
    """Rows of which more became known."""
    repeated: int
    """Events that were there already, or of which the log knows more."""
    too_old: int
    """Events of days that the log keeps no longer."""
    conflicting: int
    """Of the dead letters: events with the id of a row and another content."""
    dead: Sequence[DeadLetter]
    """All dead letters."""

    @property
    def dead_letters(self) -> int:
        """How many there are."""
        return len(self.dead)


class OffsetsMoved(Exception):
    """Somebody else has written these offsets: what was read is worth nothing, read the table again."""


class Transaction:
    """How one batch is written over a connection in autocommit mode. Arguments as of Writer."""

    def __init__(
        self,
        connection: Connection,
        log: Log,
        batch: Batch,
        share: StopShare,
        *,
        moves_offsets: bool,
        redriven: Collection[PartitionOffset],
    ) -> None:
        self._connection = connection
        self._log = log
        self._batch = batch
        self._share = share
        self._redriven = redriven
        partitions = sorted(batch.next)
        self._partitions = len(partitions)
        self._of_log = min(partitions, default=0)
        """Whose share of the log's figures this adds to: nobody else writes of that partition meanwhile."""
        alone = {"topic": log.topic, "partitions": partitions, "wait_ms": f"{LONGEST_WAIT_MS}ms"}
        begin = [_composed("write_alone", **{name: Literal(value) for name, value in alone.items()})]
        if moves_offsets:
            begin.append(_move_offsets(log, batch, partitions))
        self._begin = begin
        """Statements that touch one row for each partition, or else another has moved it."""

    async def write(self, dated: Dated) -> Written:
        """Write the batch, of which the days were looked at.

        Raises:
            OffsetsMoved: when another has written some of it.
            TooManyRefused: when the share of refused events is passed.
            psycopg.Error: when the database is away or unwilling. Nothing was written then, as with the others.
        """
        self._share.check(len(self._batch), [*self._batch.dead, *dated.impossible])
        if dated.rows and not self._redriven:
            try:
                return await self._write_fast(dated)
            except (errors.Error, LeftOut, OffsetsMoved) as exc:
                failed = exc
            if not self._connection.closed:
                await self._connection.rollback()
            of_rows = isinstance(failed, errors.Error) and (refuses_a_row(failed) or is_there_already(failed))
            if not (of_rows or isinstance(failed, LeftOut)):
                raise failed
        return await self._write_searching(dated)

    async def _write_fast(self, dated: Dated) -> Written:
        moved = await begin_and_copy(self._connection, self._begin, dated.rows)
        if moved != self._partitions:
            raise OffsetsMoved
        tally = self._batch.tally if len(dated.rows) == len(self._batch.rows) else _tally_of(dated.rows)
        dead = [*self._batch.dead, *dated.impossible]
        async with self._connection.pipeline():
            await self._add_figures(tally)
            await self._bury(dead)
            await self._connection.execute("COMMIT")
        return Written(len(dated.rows), 0, 0, dated.too_old, 0, dead)

    async def _write_searching(self, dated: Dated) -> Written:
        count_apart, meetings = False, 0
        while True:
            try:
                async with self._connection.transaction():
                    return await self._write_slowly(dated, count_apart=count_apart)
            except errors.Error as exc:
                if is_there_already(exc) and meetings < _MOST_MEETINGS:
                    meetings += 1  # came in since we looked, from another partition; now it is found
                elif refuses_a_row(exc) and not count_apart:
                    count_apart = True  # a table of figures refuses: because of which rows, must be found
                else:
                    raise

    async def _write_slowly(self, dated: Dated, *, count_apart: bool) -> Written:
        """Write with a search. Figures are added once, in key order; apart, others may have to wait in a circle."""
        for statement in self._begin:
            answer = await self._connection.execute(statement)
            if answer.rowcount != self._partitions:
                raise OffsetsMoved
        found = sort_out(dated.rows, await self._find(dated.rows))
        dead = [*self._batch.dead, *dated.impossible]
        new, bad = await copy_those_that_fit(
            self._connection,
            found.new,
            lambda bad: self._share.check(len(self._batch), bad),
            self._count if count_apart else None,
        )
        corrected, worse = await self._correct(found, count_apart=count_apart)
        dead += [*bad, *worse]
        self._share.check(len(self._batch), dead)
        dead += found.conflicting
        if not count_apart:
            await self._add_figures(_tally_of(new, corrected))
        await self._unbury({(letter.partition, letter.offset) for letter in dead})
        await self._bury([letter for letter in dead if (letter.partition, letter.offset) not in self._redriven])
        return Written(len(new), len(corrected), found.repeated, dated.too_old, len(found.conflicting), dead)

    async def _find(self, rows: Sequence[Row]) -> dict[Identity, tuple[Any, ...]]:
        if not rows:
            return {}
        moments = [row.sent_at for row in rows]
        values = {
            "moments": moments,
            "ids": [row.event.event_id for row in rows],
            "first": min(moments),
            "last": max(moments),
        }
        # By the index, whatever the planner expects of so many.
        await self._connection.execute("SET LOCAL enable_hashjoin = off")
        await self._connection.execute("SET LOCAL enable_mergejoin = off")
        # In binary: written out as text, a latency is not the number any more that the column holds.
        answer = await self._connection.cursor(binary=True).execute(_FIND, values)
        return {(sent_at, event_id.bytes): tuple(rest) async for sent_at, event_id, *rest in answer}

    async def _correct(self, found: Sorted, *, count_apart: bool) -> tuple[list[Correction], list[DeadLetter]]:
        done, dead = [], []
        for correction in found.corrections:
            row = correction.row
            values = dict(zip(CONTENT, content(row), strict=True))
            identity = {"sent_at": row.sent_at, "event_id": row.event.event_id}
            try:
                async with self._connection.transaction():
                    answer = await self._connection.execute(_CORRECT, {**values, **identity})
                    if not answer.rowcount:
                        raise LeftOut
                    await check_deferred(self._connection)
                    if count_apart:
                        await self._add_figures(_tally_of((), [correction]))
            except (errors.Error, LeftOut) as exc:
                if isinstance(exc, errors.Error) and not refuses_a_row(exc):
                    raise
                dead.append(refused(row, words(exc), told(exc)))
            else:
                done.append(correction)
        return done, dead

    async def _count(self, rows: Sequence[Row]) -> None:
        await self._add_figures(_tally_of(rows))

    async def _add_figures(self, tally: Tally) -> None:
        """Runs before pages before people, as everybody does it: so nobody waits in a circle."""
        if not (all_pages := tally.all_pages()):
            return
        await self._connection.execute(_ADD_RUNS, tally.runs())
        await self._connection.execute(_ADD_PAGES, {**tally.pages(), **all_pages})
        await self._connection.execute(_ADD_ALL_PAGES, {**all_pages, "share": self._of_log})
        if gone := tally.gone():
            await self._connection.execute(_NOTE_GONE, gone)

    async def _bury(self, dead: Iterable[DeadLetter]) -> None:
        part: list[DeadLetter] = []
        size = 0
        for letter in dead:
            part.append(letter)
            size += len(letter.raw)
            if size >= _BURY_BYTES:
                await self._bury_part(part)
                part, size = [], 0
        if part:
            await self._bury_part(part)

    async def _bury_part(self, dead: Sequence[DeadLetter]) -> None:
        columns = {
            "partitions": [d.partition for d in dead],
            "offsets": [d.offset for d in dead],
            "raws": [d.raw for d in dead],
            "reasons": [d.reason for d in dead],
        }
        await self._connection.execute(_BURY, {**self._log.names, **columns})

    async def _unbury(self, refused_again: Collection[PartitionOffset]) -> None:
        if places := [place for place in self._redriven if place not in refused_again]:
            columns = {"partitions": [p for p, _ in places], "offsets": [offset for _, offset in places]}
            await self._connection.execute(_UNBURY, {**self._log.names, **columns})


def _tally_of(rows: Iterable[Row], corrections: Iterable[Correction] = ()) -> Tally:
    tally = Tally()
    for row in rows:
        tally.add(row)
    for correction in corrections:
        tally.add(correction.row)
        tally.take_back(correction.was, correction.row.sent_at_us, correction.latency_ms)
    return tally


def _move_offsets(log: Log, batch: Batch, partitions: Sequence[int]) -> Composed:
    return _composed(
        "move_offsets",
        **{name: Literal(value) for name, value in log.names.items()},
        partitions=Literal(partitions),
        first=Literal([batch.first[p] for p in partitions]),
        next=Literal([batch.next[p] for p in partitions]),
    )
