"""`newar run failures`: who did not get a run's message, why, and what sending again needs. In constant memory."""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec
import trio
import typer
from psycopg import AsyncConnection, AsyncServerCursor
from psycopg.rows import DictRow, dict_row

from ops.api.log_query import query
from ops.api.not_reached import sql as api_sql
from ops.api.source_of import RecipientsSettings, open_source
from ops.commands.run.missed_people import MissedPeople
from ops.commands.run.view import sql
from ops.settings.checked import load_checked
from ops.shell.exits import CommandFailed
from ops.shell.output import AsJson, printable
from ops.shell.service import run_once
from schema.outcomes import ErrorClass
from schema.runtime.asyncio_door import aio
from sender.runs.by_hand.files.failures_file import COLUMNS, Person, object_cell, plain_cell

AT_A_TIME = 1000
Write = Callable[[DictRow, Person], None]


def list_failures(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="The run's id.")],
    classes: Annotated[
        list[ErrorClass] | None,
        typer.Option("--class", metavar="CLASS", help="Only those of this class; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write everybody who did not get a run's message, and why: CSV, or with --json a JSON object on each line.

    `newar run submit` takes such a file as it is: it has variables, last_interaction_at and time_zone of each person,
    as the source gives them now. When the source cannot be read they are empty, and the exit code is 1.

    In the order of the log, as far as it is in the database; rows are kept for LOG_RETENTION_DAYS.
    """
    settings = load_checked(RecipientsSettings)
    people = run_once(lambda: write_failures(settings, run_id, classes or [], _as_json if as_json else _as_csv))
    for line in people.unsaid():
        typer.echo(f"newar: {line}", err=True)
    if people.unread:
        raise typer.Exit(1)


async def write_failures(
    settings: RecipientsSettings, run_id: str, classes: list[ErrorClass], begin: Callable[[], Write]
) -> MissedPeople:
    """Hand each row of the log to what `begin` returns, with what is known of its person; return what was missing.

    Raises:
        CommandFailed: nobody knows the run.
        psycopg.Error: the log database is away or refuses.
    """
    url = settings.log_database_url.get_secret_value()
    found = await query(url, sql("recipients_of"), {"run_id": run_id})
    if not found:
        raise CommandFailed(f"no run has the id {run_id}: newar run list shows those taken")
    since = [row["run_id"] for row in await query(url, sql("tried_since"), {"run_id": run_id})]
    wanted = {"run_id": run_id, "classes": [str(c) for c in classes] or None}
    async with open_source(settings, found[0]["source"]) as source, _open_rows(url, wanted) as cursor:
        people, write = MissedPeople(source, found[0]["run_id"], since), begin()
        while rows := await aio(cursor.fetchmany, AT_A_TIME):
            for row, person in zip(rows, await people.of(rows), strict=True):
                write(row, person)
    return people


@asynccontextmanager
async def _open_rows(url: str, wanted: dict[str, Any]) -> AsyncIterator[AsyncServerCursor[DictRow]]:
    """A cursor of the server: the rows are never here, or there, all at once."""
    connection = await aio(_connect, url)
    cursor: AsyncServerCursor[DictRow] = connection.cursor("failures")
    try:
        await aio(cursor.execute, api_sql("failures").encode(), wanted)
        yield cursor
    finally:
        with trio.move_on_after(1, shield=True):
            await aio(_close, connection, cursor)


async def _connect(url: str) -> AsyncConnection[DictRow]:
    return await AsyncConnection.connect(url, prepare_threshold=None, row_factory=dict_row)


async def _close(connection: AsyncConnection[DictRow], cursor: AsyncServerCursor[DictRow]) -> None:
    try:
        await cursor.close()
    finally:
        await connection.close()  # noqa: ASYNC102 - asyncio side, where a cancellation is delivered once


def _as_json() -> Write:
    def write(row: DictRow, person: Person) -> None:
        sys.stdout.write(msgspec.json.encode({**row, **msgspec.structs.asdict(person)}).decode() + "\n")

    return write


def _as_csv() -> Write:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)

    def write(row: DictRow, person: Person) -> None:
        message = row["error_message"] and plain_cell(printable(row["error_message"]))
        last = person.last_interaction_at and person.last_interaction_at.isoformat()
        outcome = {**row, "error_message": message, "sent_at": row["sent_at"].isoformat()}
        writer.writerow([*outcome.values(), last, person.time_zone, object_cell(person.variables)])

    return write
