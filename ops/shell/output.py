"""What commands print on stdout: JSON for programs, aligned columns for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TextIO

import msgspec
import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

MOST_IN_COLOUR = 500
"""Rows beyond which a terminal gets them plain, too: Rich takes a millisecond for each."""


def example(command: str) -> str:
    """Return the last line of a command's help."""
    return f"Example: {command}"


def print_json(value: Any) -> None:
    """Print one JSON value on a line."""
    typer.echo(msgspec.json.encode(value).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns with a heading; None is shown as `-`."""
    cells = [[_cell(value) for value in row] for row in (columns, *rows)]
    if len(cells) > MOST_IN_COLOUR or not is_terminal(sys.stdout):
        _print_plainly(cells)
        return
    from rich.console import Console  # noqa: PLC0415 - programs, and most commands, need none of it
    from rich.table import Table  # noqa: PLC0415

    table = Table(*cells[0], box=None, pad_edge=False, header_style="bold")
    for row in cells[1:]:
        table.add_row(*row)
    Console(file=sys.stdout, markup=False, highlight=False, emoji=False).print(table)


def _print_plainly(cells: Sequence[Sequence[str]]) -> None:
    """Print the same as Rich does, without cutting or wrapping anything: of ten thousand rows in a moment."""
    from rich.cells import cell_len  # noqa: PLC0415 - as above

    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        typer.echo("  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)))


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
