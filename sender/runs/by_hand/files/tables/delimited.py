"""Tables as text: values between commas, semicolons, tabs or bars. The heading alone says which."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import chain

from sender.runs.by_hand.files.tables.bad_line import BadLine
from sender.runs.by_hand.files.tables.columns import names_ids
from sender.runs.by_hand.files.tables.lines import Lines, LineTooLong

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
Record = tuple[int, list[str]]
"""The line on which it begins, and its cells."""
_SAID_BY_EXCEL = re.compile(r'"?sep=([^\w"\r\n])"?', re.IGNORECASE)
_NOT_READ = "the lines after it were not read"
_QUOTES = "A cell with a quotation mark stands between quotation marks, and those within it are doubled"


class Delimited:
    """Records of a text file, the heading first; what cannot be read ends them."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        head, self._begins, said = lines.first, lines.number, None
        self._problem: BadLine | None = None
        try:
            lines.refuse_too_long(head)
            if match := _SAID_BY_EXCEL.fullmatch(head.strip("\ufeff\r\n")):
                said, head, self._begins = match[1], next(iter(lines), ""), lines.number
            self._head = _whole_heading(head, lines)
        except LineTooLong as exc:
            self._head, self._problem = [], BadLine(lines.number, str(exc))
        self.delimiter = said or delimiter_of("".join(self._head))

    @property
    def form(self) -> str:
        """What the file is."""
        one = len(_cells("".join(self._head), self.delimiter)) == 1
        form = "CSV" if one else f"CSV with {DELIMITERS.get(self.delimiter, self.delimiter)}"
        return f"{form}, UTF-16" if self._lines.encoding == "utf-16" else form

    def records(self) -> Iterator[Record | BadLine]:
        """Yield the records, and at last what keeps the rest from being read."""
        if self._problem:
            yield self._problem
            return
        reader = csv.reader(chain(self._head, self._lines), delimiter=self.delimiter, strict=True)
        before, begins, wide = self._begins - 1, self._begins, 0
        try:
            for cells in reader:
                wide = wide or _width(cells)
                if self._lines.cut_off and 0 < len(cells) < wide and begins > self._begins:
                    yield BadLine(
                        begins,
                        "the file ends in the midst of this line; if only empty cells are missing, add a line break",
                    )
                elif cells:
                    yield begins, cells
                begins = before + reader.line_num + 1
        except csv.Error as exc:  # where the next line begins is not known any more
            yield BadLine(begins, f"{exc}; {_NOT_READ}. {_QUOTES}")
        except LineTooLong as exc:
            yield BadLine(self._lines.number, f"{exc}; {_NOT_READ}")


def delimiter_of(head: str) -> str:
    """Return what separates columns: that with which the heading has a column recipient_id, and the most columns.

    Without such a column it is what gives the most columns. Commas when nothing does.
    """
    found = {delimiter: _cells(head, delimiter) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=lambda delimiter: (names_ids(found[delimiter]), len(found[delimiter])))


def _cells(head: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([head], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _whole_heading(head: str, lines: Lines) -> list[str]:
    """Return the lines of a heading, of which a name in quotes may hold line breaks."""
    whole, quotes, characters = [head], head.count('"'), len(head)
    for line in lines if quotes % 2 else ():
        whole.append(line)
        quotes += line.count('"')
        characters += len(line)
        if not quotes % 2 or characters > csv.field_size_limit():
            break
    return whole


def _width(cells: list[str]) -> int:
    return max((at for at, cell in enumerate(cells, 1) if cell.strip()), default=0)
