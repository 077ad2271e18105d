"""What commands print on stdout: JSON for programs, aligned columns for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TextIO

import msgspec
import typer
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

_PIPE_WIDTH = 10_000
"""Columns are never cut or wrapped for a program or a file."""


def example(command: str) -> str:
    """Return the last line of a command's help."""
    return f"Example: {command}"


def print_json(value: Any) -> None:
    """Print one JSON value on a line."""
    typer.echo(msgspec.json.encode(value).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns with a heading; None is shown as `-`."""
    table = Table(*map(_cell, columns), box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*map(_cell, row))
    width = None if is_terminal(sys.stdout) else _PIPE_WIDTH
    Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False).print(table)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a person reads this stream; None: it was closed before we began."""
    return stream is not None and stream.isatty()


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return printable(str(value))


def printable(text: str) -> str:
    """Replace what a terminal would take for a command: texts come from other people's servers."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
