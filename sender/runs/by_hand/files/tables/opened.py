"""Opening a file of people, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from schema.runtime.text_files import open_lines
from sender.runs.by_hand.files.tables.file_kinds import is_sheet
from sender.runs.by_hand.files.tables.lines import Lines

if TYPE_CHECKING:
    from sender.runs.by_hand.files.tables.sheet import Sheet


@contextmanager
def opened(file: Path | TextIO) -> Iterator[Lines | Sheet]:
    """Open a file by what it holds: text or a sheet.

    Args:
        file: a path; or text opened with `newline=""` and `errors="surrogateescape"`: a bad byte spoils one line.

    Raises:
        BadFile: it is something else, or damaged.
        OSError: it cannot be read.
    """
    if not isinstance(file, Path):
        yield Lines(file)
    elif is_sheet(file):
        from sender.runs.by_hand.files.tables.sheet import open_sheet  # noqa: PLC0415 - its library takes 12 MB

        with open_sheet(file) as sheet:
            yield sheet
    else:
        with open_lines(file) as text:
            yield Lines(text)
