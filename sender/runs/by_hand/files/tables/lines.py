"""A text file's lines, one at a time and none without end, with the first one that says something looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from sender.message.recipient_ids import visible

LONGEST_LINE = 1_000_000
"""Characters. A longer line is no line of a table: to read on would fill the memory."""


class LineTooLong(Exception):
    """A line goes on and on; the text says which."""


class Lines:
    """The lines of a file with their ends. Blank ones before the first are passed over.

    Args:
        file: opened with `newline=""`, so that line breaks within quotes stay as they are.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.number = 0
        """Of the line read last."""
        self.cut_off = False
        """The line read last has no end: the file ends with it."""
        self.encoding: str | None = getattr(file, "encoding", None)
        self.first = self._first()
        """Not handed out again by the iteration; only its beginning when it is too long; empty: the file is blank."""

    def _first(self) -> str:
        while line := self._read_line():
            if visible(line):
                return line
        return ""

    def __iter__(self) -> Iterator[str]:
        """Yield the lines that follow. Raises: LineTooLong."""
        while line := self._read_line():
            self.refuse_too_long(line)
            yield line

    def refuse_too_long(self, line: str) -> None:
        """Raise LineTooLong when it is."""
        if len(line) > LONGEST_LINE:
            raise LineTooLong(f"has over {LONGEST_LINE:,} characters: write each recipient on a line of their own")

    def read(self, characters: int) -> str:
        """Read on regardless of lines; `number` does not follow."""
        return self._file.read(characters)

    def _read_line(self) -> str:
        line = self._file.readline(LONGEST_LINE + 1)
        if line:
            self.number += 1
            self.cut_off = line[-1] not in "\r\n"
        return line
