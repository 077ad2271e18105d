"""Where runs and their recipients stand, opened for one question: the operator's source, or what was submitted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ops.board.settings import RecipientsSettings
from schema.runtime.outage import Outage
from sender.runs.databases.database import Database
from sender.runs.databases.source_views import SUBMITTED, Source, Views


@asynccontextmanager
async def open_source(settings: RecipientsSettings, name: str) -> AsyncIterator[Source | None]:
    """Open the source of this name. None: no setting says where it is."""
    if name == "submitted":
        async with Database(settings.log_database_url, Outage("log database"), read_only=True) as database:
            yield Source("submitted", database, SUBMITTED)
    elif settings.source_database_url is not None:
        async with Database(settings.source_database_url, Outage("source database"), read_only=True) as database:
            yield Source("source", database, Views.of(settings))
    else:
        yield None


async def page_in_source(settings: RecipientsSettings, run_id: str) -> str | None:
    """Return whose a run of the source is, taken or not; None: there is none. Errors: DatabaseAway, QueryRefused."""
    async with open_source(settings, "source") as source:
        rows = await source.runs([run_id]) if source else []
    return rows[0].page_id if rows else None
