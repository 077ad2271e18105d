"""What the commands that repair the log stand on: its database, settings that the ingest has too, and asking first."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

import typer
from psycopg import AsyncConnection

from ingest.writing.writer import Writer
from ops.commands.partitions import PartitionSettings
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


@asynccontextmanager
async def open_database(settings: LogDatabaseSettings) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection in autocommit mode. Errors: psycopg.Error."""
    url = settings.log_database_url.get_secret_value()
    async with await AsyncConnection.connect(url, autocommit=True, prepare_threshold=None) as connection:
        yield connection


@asynccontextmanager
async def open_writer(settings: PartitionSettings) -> AsyncIterator[Writer]:
    """A writer as the ingest has one."""
    url = settings.log_database_url.get_secret_value()
    writer = Writer(url, keep_days=settings.log_retention_days)
    try:
        yield writer
    finally:
        await writer.close()  # noqa: ASYNC102 - asyncio side, where a cancellation is delivered once


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
