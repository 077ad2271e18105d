"""Recipients as rows of a table: columns of ours, and others, which are variables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schema.outcomes import Outcome
from sender.runs.by_hand.files.failures_file import VARIABLES_COLUMN, left_out, read_object
from sender.runs.by_hand.files.recipient import OWN_COLUMNS, Found, recipient_or_problem
from sender.runs.by_hand.files.tables.bad_line import NOT_UTF8, BadLine
from sender.runs.by_hand.files.tables.table import Table


class TableRecipients:
    """What `recipients_file` reads when the file is a table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._at = {name: at for at, name in enumerate(table.columns.names)} if table.columns else {}
        self.form = table.form
        self.own = [name for name in OWN_COLUMNS if name in self._at]
        self._outcomes = left_out(list(self._at))
        others = table.columns.others if table.columns else []
        self._others = [name for name in others if name not in (*self._outcomes, VARIABLES_COLUMN)]
        self.may_have_it = 0
        """Rows so far of people who may have the message already."""
        self.variables: list[str] | None = None if VARIABLES_COLUMN in self._at else self._others

    def __iter__(self) -> Iterator[Found]:
        id_at, when_at, zone_at = (self._at.get(name, -1) for name in OWN_COLUMNS)
        outcome_at = self._at["outcome"] if "outcome" in self._outcomes else -1
        others = [(name, self._at[name]) for name in self._others]
        for row in self._table.rows():
            if isinstance(row, BadLine):
                yield row.line, row
                continue
            line, cells = row
            if problem := _unstorable("".join(cells)):
                yield line, BadLine(line, problem)
                continue
            try:
                variables = self._object(cells)
            except ValueError as exc:
                yield line, BadLine(line, f"{VARIABLES_COLUMN}: {exc}; write a JSON object, or empty the cell")
                continue
            self.may_have_it += outcome_at >= 0 and cells[outcome_at].strip() == Outcome.UNKNOWN
            # an empty cell is no value, so that a fallback counts
            variables |= {name: cell for name, at in others if (cell := cells[at]) and not cell.isspace()}
            when = "" if when_at < 0 else cells[when_at].strip()
            zone = None if zone_at < 0 else cells[zone_at].strip()
            yield line, recipient_or_problem(line, cells[id_at], variables or None, when, zone)

    def left_out(self) -> list[str]:
        """Return what was left out so far, in words."""
        outcomes = [f"columns of newar run failures left out: {', '.join(self._outcomes)}"] if self._outcomes else []
        return [*outcomes, *self._table.left_out()]

    def _object(self, cells: list[str]) -> dict[str, Any]:
        """Read the variables that a file of `newar run failures` has in one column. ValueError: as of `read_object`."""
        at = self._at.get(VARIABLES_COLUMN)
        text = "" if at is None else cells[at].strip()
        return (read_object(text) if text else None) or {}


def _unstorable(text: str) -> str | None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return NOT_UTF8
    return "holds a NUL character" if "\0" in text else None
