"""Text files as people save them: UTF-8, with a mark at its beginning or without, or UTF-16 with one."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import TextIO

UTF8 = "utf-8-sig"
"""Reads UTF-8 with the mark and without."""

OPEN_FILES = Path("/proc/self/fd")
"""Where Linux shows this process's open files, by their numbers, also those that have no name."""


def name_of(path: Path) -> str:
    """Return what a file is called where people are told of it."""
    return "the file" if path.parent == OPEN_FILES else path.name


def encoding_of(path: Path) -> str:
    """Return how a file is to be decoded, by the mark at its beginning. Errors: OSError."""
    with path.open("rb") as file:
        return _encoding(file.read(2))


def open_lines(path: Path) -> TextIO:
    """Open a file to read its lines, ends included; a byte that cannot be decoded spoils its own. Errors: OSError."""
    encoding = encoding_of(path)
    return path.open(encoding=encoding, errors="surrogateescape" if encoding == UTF8 else "replace", newline="")


def read_text(path: Path) -> str:
    """Read a small file as a whole, a pipe too: opened once. Errors: OSError, UnicodeDecodeError."""
    content = path.read_bytes()
    return content.decode(_encoding(content))


def _encoding(content: bytes) -> str:
    return "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else UTF8
