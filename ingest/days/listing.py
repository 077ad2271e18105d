"""The day partitions there are, and the tables that are being dropped. Asyncio code; changes nothing."""

from __future__ import annotations

from datetime import date, datetime
from importlib.resources import files
from typing import Literal

import msgspec

from ingest.days.arithmetic import TABLE, partition_day
from ingest.days.clocks import Connection

MARK = "being dropped by Newar's retention"
"""How the comment begins of a table whose dropping has begun. By it the dropping is finished, whoever began it."""

_LIST, _DOOMED, _HOLDERS = (
    files("ingest").joinpath("sql", f"{name}.sql").read_bytes()
    for name in ("list_partitions", "doomed_tables", "table_holders")
)


class Partition(msgspec.Struct, frozen=True):
    """One day of the log as it is in the database."""

    name: str
    day: date
    rows_estimate: int
    """PostgreSQL's own estimate; 0 until it first looked."""
    size_bytes: int
    """With its indexes."""


class Doomed(msgspec.Struct, frozen=True):
    """A table that a drop has to do with, in one of the stages of dropping."""

    oid: int
    name: str
    stage: Literal["marked", "detaching", "detached"]
    """Still part of the log; out of it for all who come now, but not for those who read it; a table of its own."""
    marked: bool
    """Whether it is to be dropped. A person's table, which is only detached, is not."""


class Holder(msgspec.Struct, frozen=True):
    """A transaction for whose end a drop has to wait."""

    pid: int | None
    """None: a prepared transaction, see pg_prepared_xacts."""
    application: str
    user: str
    since: datetime | None
    """When it began; None: this login may not see that."""

    def __str__(self) -> str:
        if self.pid is None:
            return "a prepared transaction (see pg_prepared_xacts)"
        since = f" since {self.since:%Y-%m-%d %H:%M:%SZ}" if self.since else ""
        return f"pid {self.pid} ({self.application or 'no application name'}, user {self.user}){since}"


async def list_partitions(connection: Connection) -> list[Partition]:
    """Return the partitions that take rows, oldest first: none whose dropping has begun."""
    answer = await connection.execute(_LIST, {"table": TABLE, "mark": MARK})
    found = [(name, partition_day(name), *rest) async for name, *rest in answer]
    return [Partition(name, day, rows, size) for name, day, rows, size in found if day is not None]


async def list_doomed(connection: Connection) -> list[Doomed]:
    """Return what a drop has begun and not finished, in the order in which it goes on."""
    answer = await connection.execute(_DOOMED, {"table": TABLE, "mark": MARK})
    return [Doomed(*row) for row in await answer.fetchall()]


async def list_holders(connection: Connection, table: Doomed) -> list[Holder]:
    """Return the transactions of some age that use this table or, while it is detached, saw it as part of the log."""
    values = {"oid": table.oid, "detaching": table.stage == "detaching"}
    answer = await connection.execute(_HOLDERS, values)
    return [Holder(*row) for row in await answer.fetchall()]
