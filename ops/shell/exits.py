"""How a command ends that fails: its exit code. What is said of it stands in `said.py`."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

FAILED = 1
WRONG_USAGE = 2


class CommandFailed(Exception):
    """A command cannot do what it was asked; the text is for a person and holds no secret."""


class Commands(TyperGroup):
    """The root of the command line: turns every error of a command into its lines and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except typer.BadParameter as exc:
            exc.message = exc.message.removeprefix("Value error, ")  # Typer leaves there what Pydantic puts before it
            raise
        except Exception as exc:
            if hasattr(exc, "format_message"):  # wrong usage, which Typer shows; its base class has no public name
                raise
            if pipe := next((e for e in leaves(exc) if isinstance(e, BrokenPipeError)), None):  # out of a nursery
                raise pipe from exc
            from ops.shell.said import report  # noqa: PLC0415 - it knows the errors of every client library

            raise typer.Exit(report(exc)) from exc


def leaves(error: BaseException) -> list[BaseException]:
    """Return the errors in a group, at any depth; of a single error that alone."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]
