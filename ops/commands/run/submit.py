"""`newar run submit`: a run from a file of recipients, which `sender/runs/by_hand/files/` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.acts.not_done import NotMeant
from ops.acts.run_submission import Submission, new_run_id
from ops.acts.run_submission import submit_run as act
from ops.acts.settings import SubmitSettings
from ops.commands.run.anyway import not_meant
from ops.commands.run.check import DryRunSettings, redis_if_known, summary
from ops.commands.run.message_file import read_message
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, example, print_json, printable
from ops.shell.person import who
from ops.shell.service import run_once
from ops.shell.times import Moment
from schema.runtime.text_files import read_text
from sender.runs.by_hand.submit import SubmittedRun

commands = typer.Typer()

_RecipientsFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        readable=True,
        help="Recipients: CSV or .xlsx with a heading, NDJSON or a JSON list; also of newar run failures.",
    ),
]
_TokenFile = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        readable=True,
        metavar="FILE",
        help="File with the page's access token; counts where the source has none of this page.",
    ),
]


class _SubmitSettings(DryRunSettings, SubmitSettings):
    """Where the run is stored, how its token is sealed, and what a dry run looks at."""


@commands.command("submit", epilog=example("newar run submit people.csv --page 104512345678901 --message hello.json"))
def submit_run(
    file: _RecipientsFile,
    page: Annotated[str, typer.Option(metavar="ID", help="The page that sends.")],
    message: Annotated[
        str, typer.Option(metavar="FILE|-", help="JSON file with the Send API's message object; - is standard input.")
    ],
    token_file: _TokenFile = None,
    run_id: Annotated[str | None, typer.Option(metavar="ID", help="The run's id; made up when left out.")] = None,
    messaging_type: Annotated[
        str | None, typer.Option(help="UPDATE (default), RESPONSE, UTILITY, MESSAGE_TAG.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="With MESSAGE_TAG.")] = None,
    notification_type: Annotated[str | None, typer.Option(help="REGULAR, SILENT_PUSH or NO_PUSH.")] = None,
    priority: Annotated[int | None, typer.Option(help="Higher goes first among the page's runs.")] = None,
    scheduled_at: Moment = None,
    expires_at: Moment = None,
    send_window: Annotated[str | None, typer.Option(help="When it may send, such as 09:00-21:00.")] = None,
    on_unknown: Annotated[str | None, typer.Option(help="hold (default) or resend what may have arrived.")] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Submit it also where it cannot be meant so, as newar run check says.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Submit a run: the recipients of FILE get a message. Prints the run's id; the run processor does the rest.

    First the run is gone through as by newar run check. What is certain to go wrong for everybody stops it: nobody
    would get the message, or it asks for a name that nobody has.
    """
    settings = load_checked(_SubmitSettings)
    if not file.is_file():
        raise typer.BadParameter("is a pipe, and is read twice: write it into a file first", param_hint="FILE")
    run = SubmittedRun(
        run_id=run_id or new_run_id(),
        page_id=page,
        page_access_token=_token(token_file),
        message=read_message(message),
        messaging_type=messaging_type,
        tag=tag,
        notification_type=notification_type,
        scheduled_at=scheduled_at,
        expires_at=expires_at,
        send_window=_window(send_window),
        priority=priority,
        on_unknown=on_unknown,
    )
    _say(run_once(lambda: _submitted(settings, run, file, anyway=anyway)), as_json)


async def _submitted(settings: _SubmitSettings, run: SubmittedRun, file: Path, *, anyway: bool) -> Submission:
    async with redis_if_known(settings) as redis:
        try:
            return await act(settings, redis, run, file, who(), anyway=anyway)
        except NotMeant as exc:
            raise not_meant(exc, "--anyway submits it") from None


def _say(done: Submission, as_json: bool) -> None:
    run_id, found = done.run_id, done.found
    would_get = found.would_get if found else None
    if as_json:
        print_json({"run_id": run_id, "recipients": done.recipients, "would_get": would_get, "taken_as": done.taken_as})
    else:
        typer.echo(printable(done.taken_as))
        if found:
            typer.echo(summary(found))
            for note in found.notes:
                typer.echo(f"Note: {printable(note)}")
        typer.echo(f"run {run_id}: submitted with {done.recipients} recipients; newar run show {run_id} follows it")


def _window(text: str | None) -> str | None:
    if text is not None and not text.strip():  # as of an empty variable of a shell
        raise typer.BadParameter("is empty: leave it out to send at any hour", param_hint="--send-window")
    return text


def _token(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        token = read_text(file).strip()
    except UnicodeDecodeError:
        token = ""
    if not token or any(c.isspace() or not c.isascii() for c in token):
        raise typer.BadParameter("the file must hold the token and nothing else", param_hint="--token-file")
    return token
