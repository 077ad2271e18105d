"""Folding the figures of pages: minutes older than a day become hours. Asyncio."""

from __future__ import annotations

from importlib.resources import files

from ingest.days.clocks import Connection

_FOLD = files("ingest").joinpath("sql", "fold_minutes.sql").read_bytes()
_MOST = 20_000
"""Minutes at a time: about half a second."""


async def fold_minutes(connection: Connection) -> None:
    """Fold all that are due; `connection` is in autocommit mode. Several may do so at once. Errors: psycopg.Error."""
    while (await connection.execute(_FOLD, {"most": _MOST})).rowcount:
        pass
