"""What the commands that repair the log stand on: its database, settings that the ingest has too, and asking first."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer
from psycopg import AsyncConnection

from ops.acts.log_connections import open_database
from ops.shell.output import is_terminal
from ops.shell.service import run_once
from schema.runtime.asyncio_door import aio
from schema.runtime.settings import LogDatabaseSettings

T = TypeVar("T")

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def with_database(settings: LogDatabaseSettings, work: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
    """Return what `work`, asyncio code, does with a connection in autocommit mode. Errors: psycopg.Error."""

    async def connected() -> T:
        async with open_database(settings) as connection:
            return await work(connection)

    return run_once(lambda: aio(connected))


def ask(question: str, *, yes: bool) -> None:
    """Go on when a person says yes.

    Raises:
        typer.BadParameter: nobody is there to be asked.
        typer.Abort: the answer is no.
    """
    if yes:
        return
    if not is_terminal(sys.stdin):
        raise typer.BadParameter(f"{question} Nobody is here to be asked: say so with --yes", param_hint="--yes")
    typer.confirm(question, abort=True, err=True)
