"""Folding the figures of pages, and of all of them together: minutes older than a day become hours. Asyncio."""

from __future__ import annotations

from importlib.resources import files

from ingest.days.clocks import Connection

_FOLDS = [
    files("ingest").joinpath("sql", f"fold_{table}.sql").read_bytes() for table in ("page_figures", "log_figures")
]
_MOST = 20_000
"""Minutes at a time: about half a second."""


async def fold_minutes(connection: Connection) -> None:
    """Fold all that are due; `connection` is in autocommit mode. Several may do so at once. Errors: psycopg.Error."""
    for fold in _FOLDS:
        while (await connection.execute(fold, {"most": _MOST})).rowcount:
            pass
