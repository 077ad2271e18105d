"""`newar run`: runs by hand. Each command is in a file of its own, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import typer

from ops.shell.late_commands import Late, LateGroup


class RunCommands(LateGroup):
    """The commands, in the order of the help."""

    table: ClassVar[Mapping[str, Late]] = {
        "submit": Late("run.submit", "Submit a run: the recipients of FILE get a message."),
        "check": Late(
            "run.check",
            "Say what a run would do, without doing it: who would get its message, who not and why, "
            "and how long it takes.",
        ),
        "list": Late(
            "run.shown", "List the newest runs, newest first, with what they do or wait for and their progress."
        ),
        "show": Late(
            "run.shown",
            "Show a run's state, what it waits for, its counts and progress, and who did not get its message and why.",
        ),
        "pause": Late("run.steer", "Stop sending a run until it is resumed; what is in flight ends as it ends."),
        "resume": Late("run.steer", "Undo a pause made by hand, or the brake of a rule, which then counts anew."),
        "cancel": Late("run.steer", "End a run for good: every recipient left ends as cancelled."),
        "failures": Late(
            "run.failures",
            "Write everybody who did not get a run's message, and why: CSV, or with --json a JSON object on each line.",
        ),
        "test": Late("run.try_out", "Send one message of a run, filled in, to somebody who may be tested on."),
        "extend": Late(
            "run.extend",
            "Let a run expire later: one that is held, or waits behind a pause, keeps its recipients meanwhile.",
        ),
        "retry": Late(
            "run.retry",
            "Send a finished run's message, or a mended one, to those who did not get it: a new run, "
            "whose parent this one is.",
        ),
        "recover": Late(
            "run.recover", "Send what is left of a run whose queue was lost: to those without an outcome in the log."
        ),
        "close": Late(
            "run.close",
            "Close runs that may have been sent before a backup was restored: nobody is ever sent them again.",
        ),
    }


commands = typer.Typer(cls=RunCommands, help="Runs by hand.", no_args_is_help=True)


@commands.callback()
def _of_runs() -> None:
    """Runs by hand."""
