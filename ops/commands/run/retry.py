"""`newar run retry`: a run for those whom another did not reach, with its message or a mended one."""

from __future__ import annotations

from secrets import token_hex
from typing import Annotated

import typer

from ops.acts.not_done import NotMeant
from ops.acts.run_retry import retry_run as act
from ops.acts.settings import RetrySettings
from ops.commands.run.anyway import not_meant
from ops.commands.run.message_file import read_message
from ops.commands.run.run_id import RunId
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, example, print_json, print_table
from ops.shell.person import who
from ops.shell.service import run_once
from schema.outcomes import ErrorClass, Outcome
from sender.runs.by_hand.retry import End, Retry, Wish

commands = typer.Typer()


@commands.command("retry", epilog=example("newar run retry 7d9f2c --class transient"))
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

    async def making() -> Retry:
        try:
            return await act(settings, wish, anyway=anyway)
        except NotMeant as exc:
            raise not_meant(exc, "--anyway makes it") from None

    made = run_once(making)
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
