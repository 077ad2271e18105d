"""What is said of a command that fails: one clear line for each problem on stderr. Imports every client library."""

from __future__ import annotations

import os
import traceback

import psycopg
import trio
import typer
from redis.exceptions import RedisError

from ops.fakegraph.options import FakeGraphUsageError
from ops.shell.detail import telling
from ops.shell.exits import FAILED, WRONG_USAGE, leaves
from schema.runtime.logging import without_secrets
from schema.runtime.settings import SettingsError
from sender.runs.by_hand.errors import RunMisdescribed

_WRONG = (SettingsError, FakeGraphUsageError, RunMisdescribed)
_OURS = ("ops.", "sender.", "ingest.", "schema.")


def report(error: BaseException) -> int:
    """Print what went wrong to stderr; return the exit code. With NEWAR_DEBUG=1 a traceback goes before it."""
    errors = leaves(error)
    if os.environ.get("NEWAR_DEBUG") == "1":
        typer.echo(without_secrets("".join(traceback.format_exception(error))), err=True)
    for line in dict.fromkeys(line for e in errors for line in explain(e)):
        typer.echo(f"newar: {line}", err=True)
    return WRONG_USAGE if all(isinstance(e, _WRONG) for e in errors) else FAILED


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
