"""Reading a file of people for the deny list: a table, row by row. No database here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sender.message.recipient_ids import RoundedIds, id_problem, mended_id
from sender.runs.by_hand.files.tables.bad_line import BadLine
from sender.runs.by_hand.files.tables.columns import ID, Columns
from sender.runs.by_hand.files.tables.delimited import Delimited
from sender.runs.by_hand.files.tables.lines import Lines
from sender.runs.by_hand.files.tables.opened import opened
from sender.runs.by_hand.files.tables.table import Table

_COLUMNS = (ID, "page_id", "note", "reason")
_OF_AN_EXPORT = ("since", "run_id", "by_whom", "confirmed")
"""Columns of `newar suppression export` that are said anew."""
_ASKED_FOR = "recipient_id, then page_id and note (both optional)"
LONGEST_NOTE = 500
_PAGE = re.compile(r"[0-9]{1,100}")


class Denial(msgspec.Struct, frozen=True):
    """A person of a page."""

    page_id: str
    recipient_id: str
    note: str | None = None


def read_denials(file: Path, page_id: str | None) -> Iterator[Denial | BadLine]:
    """Yield each person, or what is wrong with the line; at last, what is wrong with all ids together.

    Args:
        file: a table, as `tables.opened` takes it.
        page_id: the page of lines that name none.

    Raises:
        BadFile: it is something else, or damaged.
        OSError: it cannot be read.
    """
    with opened(file) as content:
        source = Delimited(content) if isinstance(content, Lines) else content
        table = Table(source, (*_COLUMNS, *_OF_AN_EXPORT), _ASKED_FOR)
        columns = table.columns
        if columns is None:
            yield from table.problems
            return
        if problem := _heading_problem(columns, page_id):
            yield BadLine(None, problem)
            return
        rounded = RoundedIds()
        for row in table.rows():
            found = row if isinstance(row, BadLine) else _denial(*row, columns, page_id)
            if isinstance(found, Denial):
                rounded.note(found.recipient_id)
            yield found
        if problem := rounded.problem():
            yield BadLine(None, problem)


def denial_problems(denial: Denial) -> Iterator[str]:
    """Yield what is wrong with an entry, and what to write."""
    if not _PAGE.fullmatch(denial.page_id):
        yield f"page_id {denial.page_id!r} is not a page's number: write digits only"
    if problem := id_problem(denial.recipient_id):
        yield f"recipient_id {denial.recipient_id!r} {problem}"
    note = denial.note or ""
    if len(note) > LONGEST_NOTE:
        yield f"the note has {len(note)} characters: write {LONGEST_NOTE} at most"
    if "\0" in note or any("\ud800" <= c <= "\udfff" for c in note):
        yield "the note is not UTF-8, or holds a NUL character"


def _heading_problem(columns: Columns, page_id: str | None) -> str | None:
    if columns.others:
        return f"column {min(columns.others)!r} is unknown: leave it out, or call it note"
    if "page_id" not in columns.names and page_id is None:
        return "the column page_id is missing: add it, or name the page of all with --page"
    return None


def _denial(line: int, cells: list[str], columns: Columns, page_id: str | None) -> Denial | BadLine:
    row = {name: cell.strip() for name, cell in zip(columns.names, cells, strict=True)}
    if row.get("reason", "") not in ("", "denied"):
        return BadLine(line, f"reason {row['reason']!r} cannot be imported, only denied: leave the line out")
    recipient_id, _ = mended_id(row[ID])
    denial = Denial(row.get("page_id") or page_id or "", recipient_id, row.get("note") or None)
    problems = "; ".join(denial_problems(denial))
    return BadLine(line, problems) if problems else denial
