"""A run that cannot be meant so, told on the command line."""

from __future__ import annotations

from ops.acts.not_done import NotMeant
from ops.shell.exits import CommandFailed
from ops.shell.output import printable


def not_meant(error: NotMeant, anyway: str) -> CommandFailed:
    """Return what is said of it; `anyway`: how to do it all the same."""
    return CommandFailed(f"{NotMeant(error.done, [printable(stop) for stop in error.stops])}\n{anyway}")
