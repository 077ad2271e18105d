"""`newar run pause`, `resume` and `cancel`."""

from __future__ import annotations

import typer

from ops.acts import run_acts
from ops.commands.run.desk import ask, tell
from ops.commands.run.run_id import RunId
from ops.shell.output import AsJson, example
from ops.shell.person import who

commands = typer.Typer()


@commands.command(epilog=example("newar run pause 7d9f2c"))
def pause(run_id: RunId, as_json: AsJson = False) -> None:
    """Stop sending a run until it is resumed; what is in flight ends as it ends."""
    tell(ask(lambda desk: run_acts.pause_run(desk.runs, run_id, who())), as_json)


@commands.command(epilog=example("newar run resume 7d9f2c"))
def resume(run_id: RunId, as_json: AsJson = False) -> None:
    """Undo a pause made by hand, or the brake of a rule, which then counts anew.

    A run that its source or its hours hold stays held by them.
    """
    tell(ask(lambda desk: run_acts.resume_run(desk.runs, run_id, who())), as_json)


@commands.command(epilog=example("newar run cancel 7d9f2c"))
def cancel(run_id: RunId, as_json: AsJson = False) -> None:
    """End a run for good: every recipient left ends as cancelled. This cannot be undone."""
    tell(ask(lambda desk: run_acts.cancel_run(desk.runs, run_id, who())), as_json)
