"""Figures of rows that a test has put into the log by hand: the ingest keeps them with its own."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

_COUNT: LiteralString = """
    INSERT INTO run_figures (run_id, outcome, error_class, messages, first_at, last_at)
    SELECT run_id, outcome, coalesce(error_class, ''), count(*), min(sent_at), max(sent_at)
    FROM message_logs
    GROUP BY 1, 2, 3
"""


def count_again(connection: psycopg.Connection[Any]) -> None:
    """Make the figures what the rows add up to."""
    connection.execute("DELETE FROM run_figures")
    connection.execute(_COUNT)
