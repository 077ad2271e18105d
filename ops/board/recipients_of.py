"""Where the recipients of a run stand."""

from __future__ import annotations

from importlib.resources import files

import msgspec

from ops.board.log_query import query

_SQL = files("ops.board").joinpath("sql", "recipients_of.sql").read_text("utf-8")


class Stand(msgspec.Struct, frozen=True):
    """Which run names them (a retry's are its root's), and in which source."""

    run_id: str
    source: str


async def recipients_of(url: str, run_id: str) -> Stand | None:
    """Return where; None: this run was never taken. Errors: psycopg.Error, OSError."""
    rows = await query(url, _SQL, {"run_id": run_id})
    return Stand(**rows[0]) if rows else None
