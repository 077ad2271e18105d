"""`newar run failures`: who did not get a run's message, why, and what sending again needs. In constant memory."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from ops.board.failures.failures_of_run import NeverTaken, csv_lines, open_failures
from ops.board.failures.missed_people import MissedPeople
from ops.board.settings import RecipientsSettings
from ops.settings.checked import load_checked
from ops.shell.exits import CommandFailed
from ops.shell.output import AsJson, example
from ops.shell.service import run_once
from schema.outcomes import ErrorClass

commands = typer.Typer()


@commands.command("failures", epilog=example("newar run failures 7d9f2c --class recipient_permanent > missed.csv"))
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
    people = run_once(lambda: write_failures(settings, run_id, classes or [], as_json=as_json))
    for line in people.unsaid():
        typer.echo(f"newar: {line}", err=True)
    if people.unread:
        raise typer.Exit(1)


async def write_failures(
    settings: RecipientsSettings, run_id: str, classes: list[ErrorClass], *, as_json: bool
) -> MissedPeople:
    """Write each row of the log, with what is known of its person; return what was missing.

    Raises:
        CommandFailed: nobody knows the run.
        psycopg.Error: the log database is away or refuses.
    """
    try:
        async with open_failures(settings, run_id, classes) as failures:
            if not as_json:
                sys.stdout.write(csv_lines([], heading=True))
            while missed := await failures.more():
                if as_json:
                    found = [{**row, **msgspec.structs.asdict(person)} for row, person in missed]
                    sys.stdout.write("".join(f"{msgspec.json.encode(one).decode()}\n" for one in found))
                else:
                    sys.stdout.write(csv_lines(missed))
    except NeverTaken as exc:
        raise CommandFailed(str(exc)) from None
    return failures.people
