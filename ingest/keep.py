"""Keeping the log tidy: day partitions made ahead and dropped after the retention, and lifted suppressions. Asyncio."""

from __future__ import annotations

import asyncio
from importlib.resources import files

import psycopg
import structlog
from psycopg import AsyncConnection, errors

from ingest.fold import fold_minutes
from ingest.partitions import drop, ensure
from ingest.retention import forget_old
from ingest.settings import IngestSettings
from schema.runtime.outage import Outage

log = structlog.get_logger()

_EVERY_S = 3600.0
_LIMIT_EACH = "SET statement_timeout = '5min'"
_LIFT_ARRIVED, _FORGET_LIFTED = (
    files("ingest").joinpath("sql", f"{name}.sql").read_bytes() for name in ("lift_arrived", "forget_lifted")
)


async def keep_partitions(settings: IngestSettings) -> None:
    """Make and drop partitions until cancelled, at the start and every hour. Several processes may do so at once."""
    loop = asyncio.get_running_loop()
    outage = Outage("log_database (partitions)")
    while True:
        try:
            await tidy(settings)
        except psycopg.Error as exc:
            await asyncio.sleep(outage.failed(exc, loop.time()))
        else:
            outage.recovered(loop.time())
            await asyncio.sleep(_EVERY_S)


async def tidy(settings: IngestSettings) -> None:
    """Do so once. Errors: psycopg.Error."""
    url = settings.log_database_url.get_secret_value()
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        if made := await ensure(connection, settings.log_partitions_ahead):
            log.info("partitions_made", first=made[0], last=made[-1], count=len(made))
        try:
            if dropped := await drop(connection, settings.log_retention_days):
                log.info("partitions_dropped", names=dropped)
        except errors.LockNotAvailable:
            log.warning("partitions_busy", detail="somebody reads the log for long; old days are dropped an hour later")
        await connection.execute(_LIMIT_EACH)
        await fold_minutes(connection)
        await connection.execute(_LIFT_ARRIVED)
        await connection.execute(_FORGET_LIFTED, {"keep_days": settings.log_retention_days})
        await forget_old(connection, settings)
