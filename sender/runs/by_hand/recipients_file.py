"""Reading a file of recipients, CSV or NDJSON, line by line in constant memory. No database here."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec

from sender.message.variables import written_number
from sender.runs.rules.send_window import zone_named

OWN_COLUMNS = ("recipient_id", "last_interaction_at", "time_zone")


class Recipient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the file."""

    recipient_id: str
    variables: dict[str, Any] | None = None
    last_interaction_at: datetime | None = None
    """Aware."""
    time_zone: str | None = None
    """The recipient's own, such as `Asia/Bangkok`; None: the page's counts."""


class BadLine(msgspec.Struct, frozen=True):
    """A line that cannot be used, and why. `line`: counted from 1."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


def read_recipients(lines: Iterable[str]) -> Iterator[Recipient | BadLine]:
    """Yield each recipient, or what is wrong with its line. NDJSON when the first line begins with `{`, else CSV.

    Lines are text with their line ends, of a file opened with `newline=""`, `encoding="utf-8-sig"` and
    `errors="surrogateescape"`, so that one bad byte spoils one line.
    """
    rest = iter(lines)
    first = next(rest, "")
    whole = chain([first], rest)
    return _ndjson(whole) if first.lstrip().startswith("{") else _csv(whole)


def _ndjson(lines: Iterable[str]) -> Iterator[Recipient | BadLine]:
    decoder = msgspec.json.Decoder(Recipient, float_hook=written_number)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _checked(number, decoder.decode(line))
        except (msgspec.DecodeError, RecursionError) as exc:  # a ValidationError is one too
            yield BadLine(number, f'{exc}; write {{"recipient_id": "…", "variables": {{…}}}}')
        except UnicodeEncodeError:
            yield BadLine(number, _NOT_UTF8)


_NOT_UTF8 = "is not UTF-8: save the file as UTF-8"


def _csv(lines: Iterable[str]) -> Iterator[Recipient | BadLine]:
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as exc:
        yield BadLine(1, str(exc))
        return
    if problem := _header_problem(header):
        yield BadLine(1, problem)
        return
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:  # where the next line begins is not known any more
            yield BadLine(reader.line_num, f"{exc}; the lines after it were not read")
            return
        if cells:
            yield _from_cells(reader.line_num, header, cells)


def _header_problem(header: list[str]) -> str | None:
    if "recipient_id" not in header:
        optional = "last_interaction_at and time_zone (both optional)"
        return f"the first line must name the columns: recipient_id, {optional}, then variables"
    if twice := {name for name in header if header.count(name) > 1}:
        return f"column {min(twice)!r} stands there twice"
    return "a column has no name" if "" in header else None


def _from_cells(number: int, header: list[str], cells: list[str]) -> Recipient | BadLine:
    if len(cells) != len(header):
        return BadLine(number, f"{len(cells)} columns instead of {len(header)}")
    row = dict(zip(header, cells, strict=True))
    when = row.get("last_interaction_at", "").strip()
    try:
        moment = datetime.fromisoformat(when) if when else None
    except ValueError:
        return BadLine(number, f"last_interaction_at {when!r} is not a moment: {_MOMENT}")
    # an empty cell is no value, so that a fallback counts
    variables = {name: cell for name, cell in row.items() if name not in OWN_COLUMNS and cell}
    zone = row.get("time_zone", "").strip() or None
    return _checked(number, Recipient(row["recipient_id"].strip(), variables or None, moment, zone))


_MOMENT = "write for example 2026-11-22T09:30:00Z"


def _checked(number: int, recipient: Recipient) -> Recipient | BadLine:
    if not recipient.recipient_id:
        return BadLine(number, "recipient_id is empty")
    moment = recipient.last_interaction_at
    if moment is not None and moment.tzinfo is None:
        return BadLine(number, f"last_interaction_at has no time zone: {_MOMENT}")
    if recipient.time_zone and zone_named(recipient.time_zone) is None:
        return BadLine(number, f"time_zone {recipient.time_zone!r} is unknown: write for example Asia/Bangkok")
    try:
        text = msgspec.json.encode(recipient.variables) + recipient.recipient_id.encode()
    except UnicodeEncodeError:
        return BadLine(number, _NOT_UTF8)
    if b"\0" in text or b"\\u0000" in text:
        return BadLine(number, "holds a NUL character")
    return recipient
