"""A table: its heading, and the rows under it, of text or of a sheet."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from sender.runs.by_hand.files.tables.bad_line import BadLine
from sender.runs.by_hand.files.tables.columns import BadHeading, Columns
from sender.runs.by_hand.files.tables.delimited import Delimited, Record

if TYPE_CHECKING:
    from sender.runs.by_hand.files.tables.sheet import Sheet


class Table:
    """Reads the heading at once, the rows as they are asked for.

    Args:
        source: where the records come from.
        own: names of the columns that mean something to us.
        asked_for: the columns as a person is asked for them.
    """

    def __init__(self, source: Delimited | Sheet, own: Collection[str], asked_for: str) -> None:
        self.form = source.form
        self._records = source.records()
        self.problems: list[BadLine] = []
        self._empty_rows = 0
        self.columns: Columns | None = None
        """None: the heading cannot be used, and `problems` says why."""
        heading = next(filter(_says_something, self._records), (1, []))
        if isinstance(heading, BadLine):
            self.problems.append(heading)
            return
        try:
            self.columns = Columns(heading[1], own, asked_for)
        except BadHeading as exc:
            self.problems.append(BadLine(heading[0], str(exc)))

    def rows(self) -> Iterator[Record | BadLine]:
        """Yield rows with as many cells as `columns` has names, and what is wrong with others; leave out empty ones."""
        if self.columns is None:
            yield from self.problems
            return
        for found in self._records:
            if not _says_something(found):
                self._empty_rows += 1
            elif isinstance(found, BadLine):
                yield found
            elif problem := self.columns.fit(found[1]):
                yield BadLine(found[0], problem)
            else:
                yield found

    def left_out(self) -> list[str]:
        """Return what was left out so far, in words."""
        if self.columns is None:
            return []
        empty = [counted(self.columns.empty, "empty column"), counted(self._empty_rows, "empty row")]
        found = [" and ".join(filter(None, empty)) + " left out"] if any(empty) else []
        if short := self.columns.short_rows:
            found.append(f"{counted(short, 'row')} ended early: the cells missing there count as empty")
        return found


def counted(number: int, what: str) -> str:
    """Return `1 row`, `2 rows`; empty for none."""
    return "" if not number else f"{number} {what}{'' if number == 1 else 's'}"


def _says_something(found: Record | BadLine) -> bool:
    return isinstance(found, BadLine) or any(map(str.strip, found[1]))
