"""`newar run extend`: more time for a run, before it expires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ops.acts import run_acts
from ops.commands.run.desk import ask, print_notes, tell
from ops.commands.run.run_id import RunId
from ops.shell.output import AsJson, example
from ops.shell.person import who
from ops.shell.times import moment, span

commands = typer.Typer()


@commands.command("extend", epilog=example("newar run extend 7d9f2c --by 12h"))
def extend_run(
    run_id: RunId,
    by: Annotated[
        timedelta | None, typer.Option(parser=span, metavar="TIME", help="So much later than now set: 30min, 12h, 2d.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="MOMENT", help="Such as 2026-11-22T09:30:00Z.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a run expire later: one that is held, or waits behind a pause, keeps its recipients meanwhile.

    Only later, and only a run that has not ended. The source's own expires_at stays as it is: it is read when a run is
    taken.
    """
    if (by is None) == (until is None):
        raise typer.BadParameter("write either --by TIME (12h) or --until MOMENT (2026-11-22T09:30:00Z)")

    done = ask(lambda desk: run_acts.extend_run(desk.runs, run_id, who(), by=by, until=until))
    if as_json:
        tell(done, as_json)
    elif done.expires_at:
        print_notes(done)
        typer.echo(f"run {run_id}: expires at {done.expires_at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}")
