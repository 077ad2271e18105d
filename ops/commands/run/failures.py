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

from ops.board.log_query import query
from ops.board.recipients_of import recipients_of
from ops.board.source_of import RecipientsSettings, open_source
from ops.commands.run.missed_people import MissedPeople
from ops.commands.run.view import sql
from ops.message_log.after import After
from ops.message_log.kept_connections import KeptConnections
from ops.message_log.log_rows import read_rows
from ops.message_log.question import FAILURES, Kind, Question
from ops.settings.checked import load_checked
from ops.shell.exits import CommandFailed
from ops.shell.output import AsJson, printable
from ops.shell.service import run_once
from schema.outcomes import ErrorClass
from sender.runs.by_hand.files.failures_file import COLUMNS, OUTCOME_COLUMNS, Person, object_cell, plain_cell

AT_A_TIME = 1000
_LOGGED = ("recipient_id", *OUTCOME_COLUMNS)
Write = Callable[[dict[str, Any], Person], None]


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

    Newest first, as far as the log is in the database; rows are kept for LOG_RETENTION_DAYS.
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
    stand = await recipients_of(url, run_id)
    if stand is None:
        raise CommandFailed(f"no run has the id {run_id}: newar run list shows those taken")
    since = [row["run_id"] for row in await query(url, sql("tried_since"), {"run_id": run_id})]
    of = Question(kind=Kind.FAILURES_OF_RUN, run=run_id, outcomes=FAILURES, classes=frozenset(classes) or None)
    async with open_source(settings, stand.source) as source, _kept(url) as connections:
        people, write = MissedPeople(source, stand.run_id, since), begin()
        after: str | None = ""
        while after is not None:
            page = await read_rows(connections.ask, of, AT_A_TIME)
            rows = [{name: getattr(row, name) for name in _LOGGED} for row in page.rows]
            for row, person in zip(rows, await people.of(rows), strict=True):
                write(row, person)
            if after := page.next:
                of = msgspec.structs.replace(of, after=After.read(after))
    return people


@asynccontextmanager
async def _kept(url: str) -> AsyncIterator[KeptConnections]:
    """Pages of rows, not a cursor of the server: the log's old days can be dropped while a slow reader takes them."""
    connections = KeptConnections(url)
    try:
        yield connections
    finally:
        with trio.move_on_after(1, shield=True):
            await connections.close()


def _as_json() -> Write:
    def write(row: dict[str, Any], person: Person) -> None:
        sys.stdout.write(msgspec.json.encode({**row, **msgspec.structs.asdict(person)}).decode() + "\n")

    return write


def _as_csv() -> Write:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)

    def write(row: dict[str, Any], person: Person) -> None:
        message = row["error_message"] and plain_cell(printable(row["error_message"]))
        last = person.last_interaction_at and person.last_interaction_at.isoformat()
        outcome = {**row, "error_message": message, "sent_at": row["sent_at"].isoformat()}
        writer.writerow([*outcome.values(), last, person.time_zone, object_cell(person.variables)])

    return write
