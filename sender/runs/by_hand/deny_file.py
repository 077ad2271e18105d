"""Reading a file of people for the deny list: CSV with a heading, line by line. No database here."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator

import msgspec

from sender.runs.by_hand.recipients_file import BadLine

_OF_AN_EXPORT = {"since", "run_id", "by_whom", "confirmed"}
"""Columns of `newar suppression export` that are said anew."""
_COLUMNS = {"page_id", "recipient_id", "reason", "note"} | _OF_AN_EXPORT
LONGEST_NOTE = 500
_NUMBER = re.compile(r"[0-9]{1,100}")


class Denial(msgspec.Struct, frozen=True):
    """A person of a page."""

    page_id: str
    recipient_id: str
    note: str | None = None


def read_denials(lines: Iterable[str], page_id: str | None) -> Iterator[Denial | BadLine]:
    """Yield each person, or what is wrong with the line.

    Args:
        lines: text as for `recipients_file.read_recipients`.
        page_id: the page of lines that name none.
    """
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if problem := _header_problem(header, page_id):
            yield BadLine(1, problem)
            return
        for cells in reader:
            if cells:
                yield _denial(reader.line_num, header, cells, page_id)
    except csv.Error as exc:  # where the next line begins is not known any more
        yield BadLine(max(reader.line_num, 1), f"{exc}; the lines after it were not read")


def denial_problems(denial: Denial) -> Iterator[str]:
    """Yield what is wrong with an entry, and what to write."""
    if not _NUMBER.fullmatch(denial.page_id):
        yield f"page_id {denial.page_id!r} is not a page's number: write digits only"
    if not _NUMBER.fullmatch(denial.recipient_id):
        yield f"recipient_id {denial.recipient_id!r} is not a person's id (PSID): write digits only"
    note = denial.note or ""
    if len(note) > LONGEST_NOTE:
        yield f"the note has {len(note)} characters: write {LONGEST_NOTE} at most"
    if "\0" in note or any("\ud800" <= c <= "\udfff" for c in note):
        yield "the note is not UTF-8, or holds a NUL character"


def _header_problem(header: list[str], page_id: str | None) -> str | None:
    if "recipient_id" not in header:
        return "the first line must name the columns: recipient_id, then page_id and note (both optional)"
    if unknown := sorted(set(header) - _COLUMNS):
        return f"column {unknown[0]!r} is unknown: leave it out, or call it note"
    if len(set(header)) < len(header):
        return "a column stands there twice"
    if "page_id" not in header and page_id is None:
        return "the column page_id is missing: add it, or name the page of all with --page"
    return None


def _denial(number: int, header: list[str], cells: list[str], page_id: str | None) -> Denial | BadLine:
    if len(cells) != len(header):
        return BadLine(number, f"{len(cells)} columns instead of {len(header)}")
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    if row.get("reason", "") not in ("", "denied"):
        return BadLine(number, f"reason {row['reason']!r} cannot be imported, only denied: leave the line out")
    denial = Denial(row.get("page_id") or page_id or "", row["recipient_id"], row.get("note") or None)
    problems = "; ".join(denial_problems(denial))
    return BadLine(number, problems) if problems else denial
