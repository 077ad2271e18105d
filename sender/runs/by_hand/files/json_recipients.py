"""Recipients as JSON: an object on each line (NDJSON), or a list of objects. A part of the file at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from schema.outcomes import Outcome
from sender.message.variables import written_number
from sender.runs.by_hand.files.failures_file import OUTCOME_COLUMNS
from sender.runs.by_hand.files.recipient import Found, Recipient, recipient_or_problem
from sender.runs.by_hand.files.tables.bad_line import NOT_UTF8, BadLine
from sender.runs.by_hand.files.tables.lines import LONGEST_LINE, Lines, LineTooLong

_AT_A_TIME = 1 << 16
_UNKNOWN = msgspec.json.encode(Outcome.UNKNOWN)
_WRITE = 'write each recipient on one line, {"recipient_id": "…", "variables": {…}}'
_TEXT = "write it as text, between quotation marks"
_NOT_READ = "what follows was not read"


class JsonRecipients:
    """What `recipients_file` reads when the file begins with a bracket."""

    variables: list[str] | None = None
    """Each recipient has names of their own."""
    own: ClassVar[list[str]] = []

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._list = lines.first.lstrip("\ufeff \t").startswith("[")
        self._outcomes: list[str] = []
        self.may_have_it = 0
        """Recipients so far who may have the message already."""
        encoding = ", UTF-16" if lines.encoding == "utf-16" else ""
        self.form = ("JSON, a list of objects" if self._list else "NDJSON") + encoding

    def __iter__(self) -> Iterator[Found]:
        decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_OfFailures, float_hook=written_number)
        for number, text in _listed(self._lines) if self._list else _each_line(self._lines):
            if isinstance(text, BadLine):
                yield number, text
                continue
            try:
                written = decoder.decode(text)
                yield number, written.recipient(number)
                self._outcomes = self._outcomes or _outcomes(written)
                self.may_have_it += written.outcome == msgspec.Raw(_UNKNOWN)
            except (msgspec.DecodeError, RecursionError) as exc:  # a ValidationError is one too
                yield number, BadLine(number, f"{exc}; {_WRITE}")
            except UnicodeEncodeError:
                yield number, BadLine(number, NOT_UTF8)

    def left_out(self) -> list[str]:
        """Return what was left out so far, in words."""
        return [f"members of newar run failures left out: {', '.join(self._outcomes)}"] if self._outcomes else []


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recipient as it is written."""

    recipient_id: str | int | float
    variables: dict[str, object] | None = None
    last_interaction_at: str | int | None = None
    time_zone: str | None = None

    def recipient(self, line: int) -> Recipient | BadLine:
        if isinstance(self.recipient_id, float):  # a whole number stands there with all its digits
            return BadLine(
                line, "recipient_id is a number with a point or an exponent, which may have lost digits: " + _TEXT
            )
        when = "" if self.last_interaction_at is None else str(self.last_interaction_at)
        try:
            text = msgspec.json.encode(self.variables)
        except UnicodeEncodeError:
            return BadLine(line, NOT_UTF8)
        if b"\\u0000" in text:
            return BadLine(line, "holds a NUL character")
        return recipient_or_problem(line, str(self.recipient_id), self.variables or None, when, self.time_zone)


_OfFailures: Any = msgspec.defstruct(
    "_OfFailures",
    [(name, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for name in OUTCOME_COLUMNS],
    bases=(_Written,),
    frozen=True,
    forbid_unknown_fields=True,
)
"""A line of a file of `newar run failures`, which says besides what became of the message."""


def _outcomes(written: Any) -> list[str]:
    return [name for name in OUTCOME_COLUMNS if getattr(written, name) is not msgspec.UNSET]


def _each_line(lines: Lines) -> Iterator[tuple[int, str | BadLine]]:
    try:
        lines.refuse_too_long(lines.first)
        yield lines.number, lines.first
        for line in lines:
            if line.strip():
                yield lines.number, line
    except LineTooLong as exc:
        yield lines.number, BadLine(lines.number, f"{exc}; {_NOT_READ}")


def _listed(lines: Lines) -> Iterator[tuple[int, str | BadLine]]:
    """Yield each object of a list, and the line on which it begins, whether they have lines of their own or not."""
    text, number = lines.first, lines.number
    at = text.index("[") + 1
    while True:
        begins = _end_of_blanks(text, at)
        number += text.count("\n", at, begins)
        at = begins
        if end := _end_of_object(text, at):
            yield number, text[at:end]
            number += text.count("\n", at, end)
            at = end
            continue
        cut = at == len(text) or (text[at] == "{" and len(text) - at <= LONGEST_LINE)
        if cut and (more := lines.read(_AT_A_TIME)):
            text, at = text[at:] + more, 0
            continue
        if text[at:].strip() != "]" or lines.read(_AT_A_TIME).strip():
            yield number, BadLine(number, f"from here on this is no list of objects: {_WRITE}")
        return


def _end_of_blanks(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    return match.end() if match else at


def _end_of_object(text: str, at: int) -> int:
    """Return where the object that begins here ends; 0: there is none, or not all of it yet."""
    try:
        return _scan(text, at)[1] if text.startswith("{", at) else 0
    except (ValueError, RecursionError):
        return 0


_scan = json.JSONDecoder(parse_float=str, parse_int=str).raw_decode
_BETWEEN = re.compile(r"[\s,]*")
