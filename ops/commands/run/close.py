"""`newar run close`: runs that may have been sent before a backup was restored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from ops.acts.run_closing import closable_runs, close_runs
from ops.acts.settings import CloseSettings
from ops.commands.log.database import Yes, ask
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, example, print_json, print_table
from ops.shell.person import who
from ops.shell.service import run_once
from ops.shell.times import since
from sender.runs.by_hand.closing import Closable, Closings

commands = typer.Typer()

_SHOWN = 20
_WHY = {
    "unregistered": "the registry does not know it",
    "refused": "refused once, perhaps sent since",
    "queue_lost": "under way, its queue is gone",
}


@commands.command("close", epilog=example("newar run close --taken-before 2026-11-22T09:30:00Z"))
def close(
    taken_before: Annotated[
        datetime,
        typer.Option(
            parser=since,
            metavar="TIME",
            help="When the server was lost, such as 2026-11-22T09:30:00Z, or how long ago: 2h.",
        ),
    ],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Close runs that may have been sent before a backup was restored: nobody is ever sent them again.

    A log database restored from a backup does not know what was taken and finished since, while the source still says
    queued. Closed is each run that was due, or taken, by TIME, that the restored registry does not know as ended, and
    of which the queue in Redis has nothing. What it has goes on, or is noted as it ended. Whom a closed run has not
    reached it never will: give them a run of their own. Stop all run processors first. This cannot be undone.
    """
    settings = load_checked(CloseSettings)
    found = run_once(lambda: closable_runs(settings, taken_before))
    if not as_json:
        _tell(found, taken_before)
        if settings.source_database_url is None:
            typer.echo("newar: SOURCE_DATABASE_URL is not set: only submitted runs were looked at", err=True)
    if found.runs:
        ask(f"Close {_runs(len(found.runs))} for good?", yes=yes)
    closed = run_once(lambda: close_runs(settings, found.runs, taken_before, who())) if found.runs else []
    if as_json:
        print_json({"closed": closed, "in_queue": found.in_queue, "later": found.later})
    elif found.runs:
        typer.echo(f"{_runs(len(closed))} closed")


def _tell(found: Closings, before: datetime) -> None:
    if found.runs:
        print_table(["RUN", "PAGE", "DUE OR TAKEN", "WHY"], [_line(run) for run in found.runs[:_SHOWN]])
    if (more := len(found.runs) - _SHOWN) > 0:
        typer.echo(f"and {more} more")
    typer.echo(f"{_runs(len(found.runs))} to close: due or taken by {before.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}")
    typer.echo(f"{_runs(found.in_queue)} of which Redis has what is left, or how they ended: not touched")
    named = f" (such as {', '.join(found.later[:3])})" if found.later else ""
    typer.echo(f"{_runs(len(found.later))} due or changed later{named}: will be taken")


def _line(run: Closable) -> tuple[str, str, str, str]:
    at = "not known" if run.at_s is None else _moment(run.at_s)
    return run.run_id, run.page_id, at, _WHY[run.why]


def _moment(at_s: float) -> str:
    try:
        return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return "long ago"


def _runs(n: int) -> str:
    return "1 run" if n == 1 else f"{n} runs"
