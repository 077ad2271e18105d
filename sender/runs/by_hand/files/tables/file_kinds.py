"""What a file is, by its first bytes: a sheet, text, or something that was given by mistake. Names do not count."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile, ZipFile

from schema.runtime.text_files import name_of
from sender.runs.by_hand.errors import BadFile

_LOOKED_AT = 4096
_ZIP = b"PK\x03\x04"
_SAVE = "save it as .xlsx or as CSV UTF-8"
_KINDS = (
    (b"\xd0\xcf\x11\xe0", f"an old Excel file (.xls), or one with a password: {_SAVE}, without a password"),
    (b"PK\x05\x06", f"an empty ZIP archive: {_SAVE}"),
    (b"\x1f\x8b", "compressed (gzip): unpack it first"),
    (b"BZh", "compressed (bzip2): unpack it first"),
    (b"\xfd7zXZ", "compressed (xz): unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd): unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"%PDF", "a PDF: export the table itself as CSV UTF-8"),
    (b"\x89PNG", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF8", "an image (GIF)"),
    (b"RIFF", "an image or a recording (RIFF)"),
    (b"PAR1", "Parquet: export it as CSV UTF-8"),
    (b"SQLite format 3", "an SQLite database: export the table as CSV UTF-8"),
    (b"{\\rtf", "a formatted text (RTF): save it as plain text, UTF-8"),
    (b"\xff\xfe\0\0", "UTF-32: save it as UTF-8"),
    (b"\0\0\xfe\xff", "UTF-32: save it as UTF-8"),
)
_MARKUP = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<head", b"<meta")
_IN_A_ZIP = (
    ("xl/workbook.bin", f"a binary Excel file (.xlsb): {_SAVE}"),
    ("word/", "a Word document: save the table as CSV UTF-8"),
    ("mimetype", f"an OpenDocument file such as .ods: {_SAVE}"),
    ("Index/", f"a Numbers file or the like: {_SAVE}"),
)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def is_sheet(path: Path) -> bool:
    """Return whether a file is an .xlsx; False: it is text.

    Raises:
        BadFile: it is neither; the text says what it is.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        begin = file.read(_LOOKED_AT)
    if begin.startswith(_ZIP):
        if what := _in_the_zip(path):
            raise given_by_mistake(name_of(path), what)
        return True
    if what := _kind(begin):
        raise given_by_mistake(name_of(path), what)
    return False


def given_by_mistake(name: str, what: str) -> BadFile:
    """Return the error that says what a file is instead."""
    return BadFile([f"{name} is {what}. Recipients are read from CSV, NDJSON and .xlsx"], 1)


def _kind(begin: bytes) -> str | None:
    for signature, what in _KINDS:
        if begin.startswith(signature):
            return what
    if begin.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_MARKUP):
        return f"a web page or XML, whatever its name says: open it in a spreadsheet and {_SAVE}"
    if not begin.startswith(_UTF16) and b"\0" in begin[:64]:
        return "no text, or UTF-16 without the mark at its beginning: save it as UTF-8"
    return None


def _in_the_zip(path: Path) -> str | None:
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
    except (BadZipFile, NotImplementedError, ValueError) as exc:
        return f"a broken ZIP or .xlsx file ({exc}): save or copy it again"
    if "xl/workbook.xml" in names:
        return None
    for part, what in _IN_A_ZIP:
        if any(name.startswith(part) for name in names):
            return what
    return "a ZIP archive: unpack it first"
