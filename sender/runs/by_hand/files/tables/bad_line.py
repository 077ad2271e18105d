"""What is wrong with a line of a file."""

from __future__ import annotations

import msgspec


class BadLine(msgspec.Struct, frozen=True):
    """A line that cannot be used, and why. `line`: counted from 1, a sheet's row; None: the file as a whole."""

    line: int | None
    reason: str

    def __str__(self) -> str:
        return self.reason if self.line is None else f"line {self.line}: {self.reason}"


NOT_UTF8 = "is not UTF-8: save the file as UTF-8"
