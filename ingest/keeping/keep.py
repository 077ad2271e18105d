"""Keeping the log in order, beside writing it: three tasks, none of which waits for another. Asyncio code.

Several processes may do so at once. Days are looked at often, for clocks jump and machines sleep over midnight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib.resources import files

import psycopg
import structlog
from psycopg import AsyncConnection

from ingest.days.clocks import Connection, two_days
from ingest.days.dropping import Unfinished, drop
from ingest.days.making import ensure
from ingest.keeping.fold import fold_minutes
from ingest.keeping.retention import forget_old
from ingest.settings import IngestSettings
from schema.runtime.outage import Outage

log = structlog.get_logger()

LOOK_EVERY_S = 30.0
"""Between two looks whether a day is to be made or dropped."""
_TIDY_EVERY_S = 3600.0
_ROUND_WITHIN_S = 300.0
_LIFT_ARRIVED, _FORGET_LIFTED, _FORGET_DROPPED = (
    files("ingest").joinpath("sql", f"{name}.sql").read_bytes()
    for name in ("lift_arrived", "forget_lifted", "forget_dropped_days")
)


async def keep_making_days(settings: IngestSettings) -> None:
    """Make partitions ahead until cancelled."""

    async def once() -> None:
        async with await _connect(settings) as connection:
            if made := await ensure(connection, settings.log_partitions_ahead):
                log.info("partitions_made", first=made[0], last=made[-1], count=len(made))

    await _keep_doing("partitions made", once, LOOK_EVERY_S)


async def keep_dropping_days(settings: IngestSettings) -> None:
    """Drop the days older than the retention until cancelled. Who holds one up is logged once."""
    told = _Told()

    async def once() -> None:
        async with await _connect(settings) as connection:
            await told.compare_clocks(connection)
            done = await drop(connection, settings.log_retention_days)
        if done.names:
            log.info("partitions_dropped", names=done.names)
        told.held_up(done.left)

    await _keep_doing("partitions dropped", once, LOOK_EVERY_S)


async def keep_tidy(settings: IngestSettings) -> None:
    """Lift and forget what is over, every hour until cancelled."""
    await _keep_doing("tidying", lambda: tidy(settings), _TIDY_EVERY_S)


async def tidy(settings: IngestSettings) -> None:
    """Do so once. Errors: psycopg.Error."""
    keep_days = settings.log_retention_days
    async with await _connect(settings) as connection:
        await fold_minutes(connection)
        await connection.execute(_LIFT_ARRIVED)
        await connection.execute(_FORGET_LIFTED, {"keep_days": keep_days})
        today = (await two_days(connection)).earlier
        await connection.execute(_FORGET_DROPPED, {"keep_days": keep_days, "today": today})
        await forget_old(connection, settings)


class _Told:
    """What the log has been told about dropping: each trouble is said once, not at every look."""

    def __init__(self) -> None:
        self._clocks_disagree = False
        self._left: list[Unfinished] = []

    async def compare_clocks(self, connection: Connection) -> None:
        today = await two_days(connection)
        if today.disagree and not self._clocks_disagree:
            log.error(
                "clocks_disagree",
                database_day=str(today.database),
                own_day=str(today.own),
                effect="days are dropped by the earlier of the two",
                hint="set the clock of the log database's machine or of this one (NTP)",
            )
        self._clocks_disagree = today.disagree

    def held_up(self, left: list[Unfinished]) -> None:
        for one in left:
            if not one.in_turn and one not in self._left:
                by = [str(holder) for holder in one.held_by]
                log.warning("partition_held_up", name=one.name, stage=one.stage, why=one.why, held_by=by)
        self._left = left


async def _connect(settings: IngestSettings) -> Connection:
    return await AsyncConnection.connect(settings.log_database_url.get_secret_value(), autocommit=True)


async def _keep_doing(what: str, once: Callable[[], Awaitable[None]], every_s: float) -> None:
    """Do `once` at the start and every so often, sooner after an error."""
    loop, outage = asyncio.get_running_loop(), Outage(f"log_database ({what})")
    while True:
        try:
            async with asyncio.timeout(_ROUND_WITHIN_S):
                await once()
        except (psycopg.Error, TimeoutError) as exc:
            await asyncio.sleep(outage.failed(exc, loop.time()))
        else:
            outage.recovered(loop.time())
            await asyncio.sleep(every_s)
