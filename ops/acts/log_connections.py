"""Connections to the log database for acts that mend the log. Asyncio code."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection

from ingest.settings import IngestSettings
from ingest.writing.writer import Writer
from ops.acts.here import log_url
from schema.runtime.settings import LogDatabaseSettings


class MendingSettings(LogDatabaseSettings):
    """Where the log is, and what the ingest is told of it: whoever writes into it must not do anything else."""

    log_retention_days: int = IngestSettings.model_fields["log_retention_days"]  # type: ignore[assignment]  # a field


@asynccontextmanager
async def open_database(settings: LogDatabaseSettings) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection in autocommit mode. Errors: psycopg.Error, CannotNow."""
    async with await AsyncConnection.connect(log_url(settings), autocommit=True, prepare_threshold=None) as connection:
        yield connection


@asynccontextmanager
async def open_writer(settings: MendingSettings) -> AsyncIterator[Writer]:
    """A writer as the ingest has one. Errors: CannotNow."""
    writer = Writer(log_url(settings), keep_days=settings.log_retention_days)
    try:
        yield writer
    finally:
        await writer.close()  # noqa: ASYNC102 - asyncio side, where a cancellation is delivered once
