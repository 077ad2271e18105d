"""Row level security below the views: it hides rows without a word, and a run that nobody can see ends unsent."""

from __future__ import annotations

from importlib.resources import files

from psycopg import sql

from ops.doctor.finding import Finding
from sender.runs.databases.database import Database
from sender.runs.databases.source_views import view_name

PART = "source database"
_FEW = 10_000
"""So many rows of a view are counted at most."""


async def check_row_security(database: Database, view: str, *, filtered: bool) -> list[Finding]:
    """Read a view as the run processor does. Errors: DatabaseAway, QueryRefused.

    `filtered`: it leaves out rows by its own condition, so that only none at all is a sign.
    """
    tables = await database.rows(_query("row_security"), view=view_name(view).as_string(None))
    if not tables:
        return []
    [(shown,)] = await database.rows(_query("shown").format(view=view_name(view)), most=_FEW)
    found = [hidden(view, int(shown), *table, filtered=filtered) for table in tables]
    return [finding for finding in found if finding is not None]


def hidden(view: str, shown: int, table: str, rows: int, reader: str, *, filtered: bool) -> Finding | None:
    """Judge how many rows a view shows over a table that has about `rows`, and policies for the role `reader`. Pure."""
    if shown >= min(rows, _FEW) or (filtered and shown):
        return None
    text = f"the view {view} shows {shown or 'none'} of about {rows} rows of {table}, which has row level security"
    mend = f"CREATE POLICY newar ON {table} FOR SELECT TO {reader} USING (true)"
    return Finding(PART, "warn" if shown or filtered else "fail", text, mend)


def _query(name: str) -> sql.SQL:
    text = files("ops.doctor").joinpath("sql", f"{name}.sql").read_text("utf-8")
    return sql.SQL(text)  # ours: as good as a literal
