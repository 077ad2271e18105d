"""How a command fails: one clear line for each problem on stderr, and the exit code. What commands do is not here."""

from __future__ import annotations

import os
import traceback
from typing import Any

import psycopg
import trio
import typer
from redis.exceptions import RedisError
from typer.core import TyperGroup

from ops.fakegraph.options import FakeGraphUsageError
from ops.shell.detail import telling
from schema.runtime.logging import without_secrets
from schema.runtime.settings import SettingsError
from sender.runs.by_hand.errors import RunMisdescribed

FAILED = 1
WRONG_USAGE = 2

_WRONG = (SettingsError, FakeGraphUsageError, RunMisdescribed)
_OURS = ("ops.", "sender.", "ingest.", "schema.")


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
            raise typer.Exit(report(exc)) from exc


def report(error: BaseException) -> int:
    """Print what went wrong to stderr; return the exit code. With NEWAR_DEBUG=1 a traceback goes before it."""
    errors = leaves(error)
    if os.environ.get("NEWAR_DEBUG") == "1":
        typer.echo(without_secrets("".join(traceback.format_exception(error))), err=True)
    for line in dict.fromkeys(line for e in errors for line in explain(e)):
        typer.echo(f"newar: {line}", err=True)
    return WRONG_USAGE if all(isinstance(e, _WRONG) for e in errors) else FAILED


def leaves(error: BaseException) -> list[BaseException]:
    """Return the errors in a group, at any depth; of a single error that alone."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


def explain(error: BaseException) -> list[str]:
    """Return what to tell a person about one error: a line for each problem, without secrets."""
    if isinstance(error, SettingsError):
        return error.problems
    if isinstance(error, psycopg.Error | RedisError | trio.TooSlowError):
        return [_of_a_server(error)]
    text = without_secrets(str(error))
    if type(error).__module__.startswith(_OURS) and text:
        return text.splitlines()
    return [f"{type(error).__name__}: {text}"]


def _of_a_server(error: psycopg.Error | RedisError | trio.TooSlowError) -> str:
    """Say which server it was. Texts of libraries can hold parts of an address: only well-known words of them."""
    if isinstance(error, trio.TooSlowError):
        return "a server did not answer in time; newar doctor says which"
    if isinstance(error, RedisError):
        return f"Redis: {telling(error)}; newar doctor says more"
    return f"the log database: {telling(error)}; newar doctor says more"
