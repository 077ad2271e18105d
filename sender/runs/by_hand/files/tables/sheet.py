"""Tables in Excel files (.xlsx): rows as text, read one after the other. Formulas count with the value last seen."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from zipfile import ZipFile

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.escape import unescape
from openpyxl.workbook import Workbook
from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser

from schema.runtime.text_files import name_of
from sender.message.recipient_ids import KEPT_DIGITS
from sender.runs.by_hand.errors import BadFile
from sender.runs.by_hand.files.tables.bad_line import BadLine
from sender.runs.by_hand.files.tables.delimited import Record

MOST_BYTES = 2**30
"""Of the file, unpacked: a full sheet has a fraction of it."""
_AT_A_TIME = 500
_ROUNDED = f"a number of over {KEPT_DIGITS} digits, which Excel has rounded: format the column as text, write it again"

T = TypeVar("T")


class Sheet:
    """The first sheet with something in it; hidden ones do not count."""

    def __init__(self, workbook: Workbook, name: str) -> None:
        self._name = name
        self._book: Any = workbook
        with_content = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible" and self._any(sheet)]
        self._sheet: Any = with_content[0] if with_content else None
        self._others = [sheet.title for sheet in with_content[1:]]

    @property
    def form(self) -> str:
        """What the file is."""
        if self._sheet is None:
            return "Excel, without a sheet that has something in it"
        others = f" (not read: {', '.join(map(repr, self._others))})" if self._others else ""
        return f"Excel, sheet {self._sheet.title!r}{others}"

    def records(self) -> Iterator[Record | BadLine]:
        """Yield the rows with cells in them, and what is wrong with a cell. Raises: BadFile, it is damaged."""
        if self._sheet is None:
            return
        wide = 0
        for number, row in self._rows(self._sheet):
            try:
                cells = _in_place(row)
            except ValueError as exc:
                yield BadLine(number, str(exc))
                continue
            wide = wide or len(cells)
            cells += [""] * (wide - len(cells))  # cells at the end of a row are left out when they are empty
            yield number, cells

    def _any(self, sheet: Any) -> bool:
        return any(cell["value"] is not None for _, row in self._rows(sheet) for cell in row)

    def _rows(self, sheet: Any) -> Iterator[tuple[int, Any]]:
        """Read some rows at once: what the library says and raises is caught around them, not around our caller."""
        book = self._book
        with _read(self._name, sheet._get_source) as source:
            formats = {"date_formats": book._date_formats, "timedelta_formats": book._timedelta_formats}
            rows = _Parser(source, sheet._shared_strings, data_only=True, epoch=book.epoch, **formats).parse()
            while some := _read(self._name, lambda: list(islice(rows, _AT_A_TIME))):
                yield from some


class _Parser(WorkSheetParser):
    """The library's parser of a sheet. Its worksheets leave out a row whose number came before; this does not.

    Two things differ: a formula without a value is an error, and heights of rows are forgotten.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.row_dimensions: Any = _Forgetful()

    def parse_cell(self, element: Any) -> dict[str, Any]:
        cell: dict[str, Any] = super().parse_cell(element)
        if cell["value"] is None and element.get("t") != "str" and element.find(FORMULA_TAG) is not None:
            cell |= {"value": "a formula that was never calculated", "data_type": "e"}
        return cell


class _Forgetful(dict[str, Any]):
    """Keeps nothing: a sheet may have a million rows with a height."""

    def __setitem__(self, key: str, value: Any) -> None:
        pass


@contextmanager
def open_sheet(path: Path) -> Iterator[Sheet]:
    """Open an .xlsx file. Raises: BadFile, it is damaged or too large; OSError."""
    name = name_of(path)
    with path.open("rb") as file:
        with ZipFile(file) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > MOST_BYTES:
            raise BadFile([f"{name} has {size:,} bytes when unpacked: save it as CSV UTF-8"], 1)
        workbook = _read(name, lambda: load_workbook(file, read_only=True, data_only=True, keep_links=False))
        try:
            yield Sheet(workbook, name)
        finally:
            workbook.close()


def _in_place(row: list[dict[str, Any]]) -> list[str]:
    """Return the cells as text, each in its column: those that are empty may be left out. ValueError: one is bad."""
    cells = [""] * max((cell["column"] for cell in row), default=0)
    for cell in row:
        try:
            if cell["data_type"] == "e":
                raise ValueError(f"an error ({cell['value']}): mend its formula")
            cells[cell["column"] - 1] = written(cell["value"])
        except ValueError as exc:
            raise ValueError(f"column {get_column_letter(cell['column'])} holds {exc}") from None
    return cells


def written(value: Any) -> str:
    """Return a value as text, in the form that a spreadsheet shows without a format. ValueError: it has lost digits."""
    if value is None:
        return ""
    if isinstance(value, str):
        return unescape(value) if "_x" in value else value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        if abs(value) >= 10**KEPT_DIGITS:
            raise ValueError(_ROUNDED)
        return str(int(value)) if value == int(value) else _fraction(value)
    if isinstance(value, datetime):
        return str(value.date() if value.time() == time() else value.replace(microsecond=0))
    return str(value)


def _fraction(value: float) -> str:
    """Write the digits that Excel keeps, without an exponent."""
    shown = f"{value:.{KEPT_DIGITS}g}"
    return shown if "e" not in shown else f"{value:.{KEPT_DIGITS + 5}f}".rstrip("0")


def _read(name: str, what: Callable[[], T]) -> T:
    """Call the library, which raises many things for a damaged file, and warns of what is nothing to us."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return what()
    except Exception as exc:
        if isinstance(exc, OSError) and exc.errno is not None:
            raise  # of the machine, not of the file
        raise _damaged(name, f"{type(exc).__name__}: {exc}".splitlines()[0]) from exc


def _damaged(name: str, why: str) -> BadFile:
    return BadFile([f"{name} cannot be read as an Excel file ({why}): save it again as .xlsx, or as CSV UTF-8"], 1)
