"""`newar partitions …`: the log's day partitions, for cron. The ingest does the same by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer
from psycopg import AsyncConnection

from ingest.partitions import Partition, drop, ensure, list_partitions
from ingest.settings import IngestSettings
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, example, print_json, print_table
from ops.shell.service import run_once
from schema.runtime.asyncio_door import aio
from schema.runtime.settings import LogDatabaseSettings

T = TypeVar("T")

commands = typer.Typer(help="The log's day partitions, for cron.", no_args_is_help=True)

_FIELDS = IngestSettings.model_fields


class PartitionSettings(LogDatabaseSettings):
    """What the ingest would do: without the options, the commands must not do anything else."""

    log_partitions_ahead: int = _FIELDS["log_partitions_ahead"]  # type: ignore[assignment]  # a field's description
    log_retention_days: int = _FIELDS["log_retention_days"]  # type: ignore[assignment]  # likewise


@commands.command("ensure", epilog=example("newar partitions ensure --days 30"))
def ensure_partitions(
    days: Annotated[int | None, typer.Option(min=1, max=366, help="Days ahead; LOG_PARTITIONS_AHEAD (30).")] = None,
    as_json: AsJson = False,
) -> None:
    """Make what is missing of today's partition and those of the next days."""
    settings = load_checked(PartitionSettings)
    ahead = days or settings.log_partitions_ahead
    _tell("made", _with_connection(settings, lambda connection: ensure(connection, ahead)), as_json)


@commands.command("drop", epilog=example("newar partitions drop --keep-days 7"))
def drop_partitions(
    keep_days: Annotated[int | None, typer.Option(min=1, help="Full days to keep; LOG_RETENTION_DAYS (7).")] = None,
    as_json: AsJson = False,
) -> None:
    """Drop the partitions, with their rows, that are older than the days to keep."""
    settings = load_checked(PartitionSettings)
    keep = keep_days or settings.log_retention_days
    _tell("dropped", _with_connection(settings, lambda connection: drop(connection, keep)), as_json)


@commands.command("list", epilog=example("newar partitions list --json"))
def show_partitions(as_json: AsJson = False) -> None:
    """List the partitions, oldest first."""
    found: list[Partition] = _with_connection(load_checked(PartitionSettings), list_partitions)
    if as_json:
        print_json(found)
    else:
        rows = [(p.name, p.day, p.rows_estimate, p.size_bytes) for p in found]
        print_table(["NAME", "DAY", "ROWS (ESTIMATE)", "BYTES"], rows)


def _with_connection(settings: LogDatabaseSettings, work: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
    async def connected() -> T:
        url = settings.log_database_url.get_secret_value()
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            return await work(connection)

    return run_once(lambda: aio(connected))


def _tell(done: str, names: list[str], as_json: bool) -> None:
    if as_json:
        print_json({done: names})
    else:
        typer.echo("\n".join(f"{done} {name}" for name in names) or f"nothing had to be {done}")
