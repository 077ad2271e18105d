"""Excel files for tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from zipfile import ZipFile

from openpyxl import Workbook

_SHEET = "xl/worksheets/sheet1.xml"
_NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def save_sheet(file: Path, *sheets: Iterable[Sequence[object]]) -> Path:
    """Write a workbook with these rows on sheets named 1, 2, ...; return the file."""
    book = Workbook()
    book.remove(book["Sheet"])
    for number, rows in enumerate(sheets, 1):
        sheet = book.create_sheet(str(number))
        for row in rows:
            sheet.append(row)
    book.save(file)
    return file


def save_as_it_stands(file: Path, rows: str, before: str = "") -> Path:
    """Write a workbook whose only sheet has this XML for its rows, and this before it."""
    plain = save_sheet(file.with_suffix(".plain"), [["x"]])
    with ZipFile(plain) as parts, ZipFile(file, "w") as archive:
        for name in parts.namelist():
            sheet = f'{before}<worksheet xmlns="{_NAMESPACE}"><sheetData>{rows}</sheetData></worksheet>'
            archive.writestr(name, sheet if name == _SHEET else parts.read(name))
    return file
