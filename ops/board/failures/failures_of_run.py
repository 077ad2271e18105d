"""Whom a run did not reach, some at a time: rows of the log, each with what is known of its person."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import msgspec
import trio

from ops.board.failures.missed_people import MissedPeople
from ops.board.log_query import query
from ops.board.recipients_of import recipients_of
from ops.board.settings import RecipientsSettings
from ops.board.source_of import open_source
from ops.message_log.after import After
from ops.message_log.kept_connections import KeptConnections
from ops.message_log.log_rows import read_rows
from ops.message_log.question import FAILURES, Kind, Question
from ops.shell.output import printable
from schema.outcomes import ErrorClass
from sender.runs.by_hand.files.failures_file import COLUMNS, OUTCOME_COLUMNS, Person, object_cell, plain_cell

AT_A_TIME = 1000
_LOGGED = ("recipient_id", *OUTCOME_COLUMNS)
_TRIED_SINCE = files("ops.board").joinpath("sql", "tried_since.sql").read_text("utf-8")

Missed = tuple[dict[str, Any], Person]
"""A row of the log, by its columns, and its person."""


class NeverTaken(Exception):
    """Nobody knows the run."""


class FailuresOfRun:
    """Newest first, as far as the log is in the database."""

    def __init__(self, people: MissedPeople, connections: KeptConnections, question: Question) -> None:
        self.people = people
        self._connections = connections
        self._question: Question | None = question

    async def more(self) -> list[Missed]:
        """Return the following ones; none: these were all. Errors: psycopg.Error, OSError."""
        if self._question is None:
            return []
        found = await read_rows(self._connections.ask, self._question, AT_A_TIME)
        after = After.read(found.next) if found.next else None
        self._question = msgspec.structs.replace(self._question, after=after) if after else None
        rows = [{name: getattr(row, name) for name in _LOGGED} for row in found.rows]
        return list(zip(rows, await self.people.of(rows), strict=True))


@asynccontextmanager
async def open_failures(
    settings: RecipientsSettings, run_id: str, classes: Collection[ErrorClass]
) -> AsyncIterator[FailuresOfRun]:
    """Look for those of these classes; none: of any.

    Raises:
        NeverTaken: nobody knows the run.
        psycopg.Error: the log database is away or refuses.
    """
    url = settings.log_database_url.get_secret_value()
    stand = await recipients_of(url, run_id)
    if stand is None:
        raise NeverTaken(f"no run has the id {run_id}: newar run list shows those taken")
    since = [row["run_id"] for row in await query(url, _TRIED_SINCE, {"run_id": run_id})]
    of = Question(kind=Kind.FAILURES_OF_RUN, run=run_id, outcomes=FAILURES, classes=frozenset(classes) or None)
    async with open_source(settings, stand.source) as source, _kept(url) as connections:
        yield FailuresOfRun(MissedPeople(source, stand.run_id, since), connections, of)


def csv_lines(missed: Iterable[Missed], *, heading: bool = False) -> str:
    """Return rows as lines that `newar run submit` takes; no spreadsheet finds a formula in them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    if heading:
        writer.writerow(COLUMNS)
    for row, person in missed:
        message = row["error_message"] and plain_cell(printable(row["error_message"]))
        last = person.last_interaction_at and person.last_interaction_at.isoformat()
        outcome = {**row, "error_message": message, "sent_at": row["sent_at"].isoformat()}
        writer.writerow([*outcome.values(), last, person.time_zone, object_cell(person.variables)])
    return text.getvalue()


@asynccontextmanager
async def _kept(url: str) -> AsyncIterator[KeptConnections]:
    """Pages of rows, not a cursor of the server: the log's old days can be dropped while a slow reader takes them."""
    connections = KeptConnections(url)
    try:
        yield connections
    finally:
        with trio.move_on_after(1, shield=True):
            await connections.close()
