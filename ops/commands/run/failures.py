"""`newar run failures`: everybody who did not get a run's message, and why, in constant memory."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import psycopg
import typer
from psycopg.rows import DictRow, dict_row

from ops.api.not_reached import sql
from ops.settings.checked import load_checked
from ops.shell.exits import CommandFailed
from ops.shell.output import AsJson, printable
from schema.outcomes import ErrorClass
from schema.runtime.settings import LogDatabaseSettings

COLUMNS = (
    *("recipient_id", "outcome", "error_class", "error_code", "error_subcode", "error_message"),
    *("http_status", "attempt", "sent_at"),
)
_FETCHED_AT_A_TIME = 1000


def list_failures(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="The run's id.")],
    classes: Annotated[
        list[ErrorClass] | None,
        typer.Option("--class", metavar="CLASS", help="Only those of this class; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write everybody who did not get a run's message, and why: CSV, or with --json a JSON object on each line.

    In the order of the log, as far as it is in the database; rows are kept for LOG_RETENTION_DAYS.
    """
    url = load_checked(LogDatabaseSettings).log_database_url.get_secret_value()
    write = _write_json if as_json else _write_csv
    with psycopg.connect(url, prepare_threshold=None) as connection:
        if connection.execute("SELECT 1 FROM runs WHERE run_id = %s", [run_id]).fetchone() is None:
            raise CommandFailed(f"no run has the id {run_id}: newar run list shows those taken")
        write(_rows(connection, run_id, classes or []))


def _rows(connection: psycopg.Connection[Any], run_id: str, classes: list[ErrorClass]) -> Iterator[DictRow]:
    """A cursor of the server: the rows are never here, or there, all at once."""
    with connection.cursor("failures", row_factory=dict_row) as cursor:
        cursor.itersize = _FETCHED_AT_A_TIME
        query: Any = sql("failures")  # ours: as good as a literal
        yield from cursor.execute(query, {"run_id": run_id, "classes": [str(c) for c in classes] or None})


def _write_json(rows: Iterator[DictRow]) -> None:
    for row in rows:
        sys.stdout.write(msgspec.json.encode(row).decode() + "\n")


def _write_csv(rows: Iterator[DictRow]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        message = row["error_message"]
        writer.writerow(
            {**row, "error_message": message and printable(message), "sent_at": row["sent_at"].isoformat()}.values()
        )
