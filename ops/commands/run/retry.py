"""`newar run retry`: a run for those whom another did not reach."""

from __future__ import annotations

from secrets import token_hex
from typing import Annotated

import typer

from ops.commands.run.run_id import RunId
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, print_json
from ops.shell.service import run_once
from schema.outcomes import ErrorClass
from schema.runtime.asyncio_door import aio
from schema.runtime.outage import Outage
from schema.runtime.settings import LogDatabaseSettings, SourceDatabaseSettings, TokenSettings
from sender.runs.by_hand.retry import Retry, retry
from sender.runs.databases.database import Database
from sender.runs.databases.source_views import Source, Views
from sender.runs.rules.rows import SourceRun
from sender.sealed_tokens import TokenBox


class RetrySettings(LogDatabaseSettings, SourceDatabaseSettings, TokenSettings):
    """Settings of `newar run retry`."""


def retry_run(
    run_id: RunId,
    classes: Annotated[
        list[ErrorClass] | None,
        typer.Option(
            "--class",
            metavar="CLASS",
            help="Choose whoever was not reached for this reason instead, whatever the outcome; may be repeated. "
            "With `ambiguous`, people get the message who MAY HAVE IT ALREADY.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a finished run's message again to those who did not get it: a new run, whose parent this one is.

    Without --class: those who ended as failed with transient, rate_limit_page, rate_limit_app, auth_page, auth_app or
    no_token. Nobody whom this run or a retry of it has sent to gets it again. Their variables are read anew.
    """
    settings = load_checked(RetrySettings)
    made = run_once(lambda: make_retry(settings, run_id, classes or []))
    if as_json:
        print_json(made)
        return
    typer.echo(
        f"run {made.run_id}: sends to at most {made.recipients} recipients of {run_id} ({', '.join(made.classes)})"
    )
    if made.rows_missing:
        typer.echo(
            f"The log does not have the outcomes of {made.rows_missing} others (yet): they are left out.", err=True
        )


async def make_retry(settings: RetrySettings, run_id: str, classes: list[ErrorClass]) -> Retry:
    """Store a retry of this run. Errors: RunUnusable, DatabaseAway, QueryRefused, psycopg.Error."""
    url, box = settings.log_database_url.get_secret_value(), TokenBox(settings.token_encryption_key)
    origin = await _origin(settings, run_id)
    return await aio(retry, url, run_id, f"{run_id}-retry-{token_hex(3)}", classes, origin, box)


async def _origin(settings: RetrySettings, run_id: str) -> SourceRun | None:
    """Return the run as the source describes it now; what is known of a submitted run is in the log database."""
    if settings.source_database_url is None:
        return None
    async with Database(settings.source_database_url, Outage("source database"), read_only=True) as database:
        rows = await Source("source", database, Views.of(settings)).runs([run_id])
        return rows[0] if rows else None
