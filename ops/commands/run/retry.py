"""`newar run retry`: a run for those whom another did not reach, with its message or a mended one."""

from __future__ import annotations

from contextlib import suppress
from secrets import token_hex
from typing import Annotated, Any

import msgspec
import typer

from ops.board.log_query import query
from ops.board.source_of import RecipientsSettings, open_source
from ops.commands.run.message_file import read_message
from ops.commands.run.run_id import RunId
from ops.commands.run.view import sql
from ops.settings.checked import load_checked
from ops.shell.exits import CommandFailed
from ops.shell.output import AsJson, print_json, print_table, printable
from ops.shell.person import who
from ops.shell.service import run_once
from schema.outcomes import ErrorClass, Outcome
from schema.runtime.asyncio_door import aio
from schema.runtime.settings import TokenSettings
from sender.message.errors import BadTemplate
from sender.message.template import MessageTemplate
from sender.runs.by_hand.retry import End, Retry, Wish, retry
from sender.runs.databases.errors import DatabaseAway, QueryRefused
from sender.runs.dry_run.names import Names, strings
from sender.runs.rules.records import kept_variables
from sender.runs.rules.rows import SourceRun
from sender.runs.settings import MessageRulesSettings
from sender.sealed_tokens import TokenBox

LOOKED_AT = 1000
"""Recipients whose names are compared with those of a mended message."""


class RetrySettings(RecipientsSettings, TokenSettings, MessageRulesSettings):
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
    message: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-",
            help="Send this message instead: JSON file with the Send API's message object; - is standard input. "
            "Whoever was not reached because of the message, or because the run was cancelled or expired, "
            "is chosen then too.",
        ),
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="With --message: send it also where it asks for names that nobody has.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send a finished run's message, or a mended one, to those who did not get it: a new run, whose parent this one is.

    Without --class: those who ended as failed with transient, rate_limit_page, rate_limit_app, auth_page, auth_app or
    no_token; with --message also with bad_payload, missing_variable or text_too_long, or as cancelled or expired.
    Nobody whom this run or a retry of it has sent to gets it again. Their variables are read anew.
    """
    settings = load_checked(RetrySettings)
    wish = Wish(
        parent_run_id=run_id,
        run_id=f"{run_id}-retry-{token_hex(3)}",
        classes=classes or (),
        message=None if message is None else read_message(message),
        who=who(),
        rules_off=settings.rules_off,
    )
    if wish.message is not None and not anyway:
        stops = run_once(lambda: name_stops(settings, run_id, wish.message or {}))
        if stops:
            why = "\n".join(f"- {printable(stop)}" for stop in stops)
            raise CommandFailed(f"nothing was made, since this cannot be meant so:\n{why}\n--anyway makes it")
    made = run_once(lambda: make_retry(settings, wish))
    if as_json:
        print_json(made)
    else:
        _print(made)


def _print(made: Retry) -> None:
    parent = made.parent_run_id
    typer.echo(f"run {made.run_id}: sends to at most {made.recipients} recipients of {parent} ({_counted(made)})")
    if made.others:
        typer.echo(f"\nThe others of {parent} do not get it:")
        others = [(e.recipients, e.outcome, e.error_class, _why(e)) for e in made.others]
        print_table(["RECIPIENTS", "OUTCOME", "CLASS", "WHY"], others)
    if made.of_cancelled and made.never_queued is None:
        typer.echo(
            f"Whether all of {parent} had been put into the queue when it was cancelled, is not known.", err=True
        )
    if made.never_queued:
        typer.echo(
            f"{parent} was cancelled before {made.never_queued} more of its recipients were put into the queue: they "
            "have no outcome and are not chosen. Give them a run of their own.",
            err=True,
        )
    if made.rows_missing:
        typer.echo(
            f"The log does not have the outcomes of {made.rows_missing} others (yet): they are left out.", err=True
        )


def _counted(made: Retry) -> str:
    return ", ".join(f"{end.recipients} {end.error_class}" for end in made.chosen)


def _why(end: End) -> str:
    if end.reached:
        return "a retry has reached them since, or may have"
    if end.outcome == Outcome.SENT:
        return "it reached them"
    if end.outcome == Outcome.UNKNOWN:
        return "they may have it already; --class ambiguous sends to them all the same"
    return f"not asked for; --class {end.error_class} chooses them" if end.error_class else "nobody knows why"


async def name_stops(settings: RecipientsSettings, run_id: str, message: dict[str, Any]) -> list[str]:
    """Say for which names of a message nobody of the run has a value, as far as its first recipients show.

    What is wrong with the message itself is told when the retry is made. Errors: DatabaseAway, QueryRefused,
    psycopg.Error.
    """
    try:
        names = Names(MessageTemplate(message).names, strings(message))
    except BadTemplate:
        return []
    stands = await query(settings.log_database_url.get_secret_value(), sql("recipients_of"), {"run_id": run_id})
    for of in stands:
        async with open_source(settings, of["source"]) as source:
            for row in await source.recipients(of["run_id"], "", LOOKED_AT) if source else []:
                names.add(kept_variables(row.variables))
    return list(names.stops()) if names.people else []


async def make_retry(settings: RetrySettings, wish: Wish) -> Retry:
    """Store what is wished. Errors: RunMisdescribed, RunUnusable, DatabaseAway, QueryRefused, psycopg.Error."""
    url, box = settings.log_database_url.get_secret_value(), TokenBox(settings.token_encryption_key)
    origin = await _origin(settings, wish.parent_run_id)
    made = await aio(retry, url, wish, origin, box)
    if not made.of_cancelled or made.rows_missing:
        return made
    with suppress(DatabaseAway, QueryRefused):  # it is stored: that this is not known makes nothing fail
        async with open_source(settings, made.source or "") as source:
            behind = await source.recipients_behind(wish.parent_run_id, made.last_queued) if source else None
        return msgspec.structs.replace(made, never_queued=behind)
    return made


async def _origin(settings: RetrySettings, run_id: str) -> SourceRun | None:
    """Return the run as the source describes it now; what is known of a submitted run is in the log database."""
    async with open_source(settings, "source") as source:
        rows = await source.runs([run_id]) if source else []
        return rows[0] if rows else None
