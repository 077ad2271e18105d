"""`newar partitions …`: the log's day partitions, for cron. The ingest does the same by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable

from ingest.days.clocks import Connection
from ingest.days.dropping import Dropped, Unfinished, drop
from ingest.days.listing import Doomed, Partition, list_doomed, list_partitions
from ingest.days.making import ensure
from ingest.settings import IngestSettings
from ops.acts.log_connections import MendingSettings
from ops.settings.checked import load_checked
from ops.shell.exits import FAILED, CommandFailed
from ops.shell.output import AsJson, example, print_json, print_table
from ops.shell.service import run_once
from schema.runtime.asyncio_door import aio
from schema.runtime.settings import LogDatabaseSettings

T = TypeVar("T")

commands = typer.Typer(help="The log's day partitions, for cron.", no_args_is_help=True)

_FIELDS = IngestSettings.model_fields


class PartitionSettings(MendingSettings):
    """What the ingest would do: without the options, the commands must not do anything else."""

    log_partitions_ahead: int = _FIELDS["log_partitions_ahead"]  # type: ignore[assignment]  # a field's description


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
    keep_days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Full days to keep; LOG_RETENTION_DAYS (7).")
    ] = None,
    within: Annotated[
        int, typer.Option(min=0, max=3600, help="Seconds to go on for while somebody holds a day up.")
    ] = 60,
    as_json: AsJson = False,
) -> None:
    """Drop the partitions, with their rows, that are older than the days to keep.

    Nobody waits for it: a day that is still read goes later, by the next call or by the ingest. Then it is said who
    reads it, and the exit code is 1.
    """
    settings = load_checked(PartitionSettings)
    keep = keep_days or settings.log_retention_days
    done = _with_connection(settings, lambda connection: _drop_within(connection, keep, within))
    if as_json:
        print_json({"dropped": done.names, "left": done.left})
    elif done.names or not done.left:
        _tell("dropped", done.names, as_json)
    for left in done.left:
        typer.echo(f"newar: {_explain(left)}", err=True)
    if done.left:
        raise typer.Exit(FAILED)


async def _drop_within(connection: Connection, keep_days: int, within_s: int) -> Dropped:
    ends_s, names = time.monotonic() + within_s, []
    while True:
        done = await drop(connection, keep_days)
        names += done.names
        if not done.left or time.monotonic() >= ends_s:
            return Dropped(names, done.left)
        await asyncio.sleep(1)


_STANDING = {
    "marked": "is to be dropped",
    "detaching": "is no longer seen by new queries but not dropped yet",
    "detached": "is out of the log but not dropped yet",
}


def _explain(left: Unfinished) -> str:
    text = f"{left.name} {_STANDING.get(left.stage, 'could not be marked for dropping')}: {left.why}"
    if left.held_by:
        text += f", by {', '.join(map(str, left.held_by))}"
    then = "" if left.ends_by_itself else "mend that: "
    return f"{text}; {then}the next call or the ingest goes on with it"


@commands.command("list", epilog=example("newar partitions list --json"))
def show_partitions(as_json: AsJson = False) -> None:
    """List the partitions, oldest first, and then the tables that are still being dropped."""
    found, doomed = _with_connection(load_checked(PartitionSettings), _list)
    if as_json:
        print_json(found)
        return
    rows = [(p.name, p.day, p.rows_estimate, p.size_bytes) for p in found]
    print_table(["NAME", "DAY", "ROWS (ESTIMATE)", "BYTES"], rows)
    for table in doomed:
        typer.echo(f"{table.name} {_STANDING[table.stage]}", err=True)


async def _list(connection: Connection) -> tuple[list[Partition], list[Doomed]]:
    return await list_partitions(connection), await list_doomed(connection)


def _with_connection(settings: LogDatabaseSettings, work: Callable[[Connection], Awaitable[T]]) -> T:
    async def connected() -> T:
        url = settings.log_database_url.get_secret_value()
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            try:
                return await work(connection)
            except LockNotAvailable as exc:
                text = "somebody has locked the whole log (pg_locks says who); call again once that is over"
                raise CommandFailed(text) from exc

    return run_once(lambda: aio(connected))


def _tell(done: str, names: list[str], as_json: bool) -> None:
    if as_json:
        print_json({done: names})
    else:
        typer.echo("\n".join(f"{done} {name}" for name in names) or f"nothing had to be {done}")
