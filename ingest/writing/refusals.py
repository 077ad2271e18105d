"""Whether Postgres refuses because of a row, and how to say so without showing the row. Pure."""

from __future__ import annotations

import re

from psycopg import Error

from schema.runtime.database_refusals import without_rows

_OF_A_ROW = ("21", "22", "23", "27", "38", "39", "44", "54", "P0")
"""SQLSTATE classes: cardinality, data, integrity, triggers, external routines, check option, limits, PL/pgSQL."""
_STANDARD = (
    "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "20", "24", "25", "26", "28", "2B", "2D", "2F",
    "34", "3B", "3D", "3F", "40", "42", "53", "55", "57", "58", "72", "F0", "HV", "XX",
)  # fmt: skip
"""PostgreSQL's other classes: the server or the schema is the reason, and waiting or mending helps."""
_NO_PARTITION = "23514"
_NOT_UNIQUE = "23505"
_IDENTITY = re.compile("_sent_at_event_id_key[0-9]*$")
"""How PostgreSQL names message_logs_event in a partition."""


def refuses_a_row(error: Error) -> bool:
    """Say whether the database refused what was in a row. A state of a trigger's own making counts as such.

    A row without a partition has the state of a CHECK constraint, but names none: somebody dropped its day just now.
    """
    state = error.sqlstate
    if state is None or no_partition(error) or is_there_already(error):
        return False
    return state[:2] in _OF_A_ROW or state[:2] not in _STANDARD


def no_partition(error: Error) -> bool:
    """Say whether the row's day has no partition."""
    return error.sqlstate == _NO_PARTITION and error.diag.constraint_name is None


def is_there_already(error: Error) -> bool:
    """Say whether the log has a row with the same identity."""
    name = error.diag.constraint_name or ""
    return error.sqlstate == _NOT_UNIQUE and _IDENTITY.search(name) is not None


def told(error: Exception) -> str:
    """Say the same without anything that can be of the row."""
    return f"refused by the database: {without_rows(error)}" if isinstance(error, Error) else words(error)


def words(error: Exception) -> str:
    """Say why a row was refused. Of a psycopg.Error its message alone: details and context hold the row's values."""
    if not isinstance(error, Error):
        return "refused by the database: a trigger left it out"
    return f"refused by the database: {error.diag.message_primary or type(error).__name__} (SQLSTATE {error.sqlstate})"
