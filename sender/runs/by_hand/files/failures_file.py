"""What a file of `newar run failures` looks like, so that it can be submitted as it is. Pure; no file is read here.

A line is one person: first what became of the message, then what sending to them again needs. Variables are one column
with a JSON object, `newar:variables`, for three reasons. Which names there are is not known before the last person was
read; objects, lists, numbers as they are written, empty and missing values all come back as they were; and a cell that
begins with a brace is never a formula in a spreadsheet. Its heading is also the mark of such a file: only beside it are
the columns `outcome`, `error_class` … taken for Newar's own. In any other file they are variables like all others.
Further columns beside it are variables too, and count over those in the object: so a missing one can be added by hand.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from sender.message.variables import written_number
from sender.runs.rules.check import at, moment_ms
from sender.runs.rules.records import RecipientRow
from sender.runs.rules.send_window import zone_named

OUTCOME_COLUMNS = (
    *("outcome", "error_class", "error_code", "error_subcode", "error_message"),
    *("http_status", "attempt", "sent_at"),
)
"""What became of the message: left out when the file is submitted. So are they in a line of JSON."""
VARIABLES_COLUMN = "newar:variables"
COLUMNS = ("recipient_id", *OUTCOME_COLUMNS, "last_interaction_at", "time_zone", VARIABLES_COLUMN)
LONGEST_CELL = 131_072
"""Characters; the CSV reader takes no longer ones."""

_FORMULA = ("=", "+", "-", "@")
_decoder: msgspec.json.Decoder[dict[str, Any] | None] = msgspec.json.Decoder(
    dict[str, Any] | None, float_hook=written_number
)


class Person(msgspec.Struct, frozen=True):
    """What sending to somebody again needs."""

    last_interaction_at: datetime | None = None
    """Aware."""
    time_zone: str | None = None
    variables: dict[str, Any] | None = None


def person(row: RecipientRow) -> Person:
    """Turn what the source says of somebody into what a submitted file can say.

    A time zone that does not exist is left out: the page's counts then, as it did.

    Raises:
        ValueError: no file can hold the variables: they are no JSON object, hold a number or a text that is none, or
            are too long for a cell.
    """
    zone = row.time_zone if row.time_zone and zone_named(row.time_zone) else None
    moment = None if row.last_interaction_s is None else at(moment_ms(row.last_interaction_s))
    variables = None if row.variables is None else read_object(row.variables)
    if len(object_cell(variables)) > LONGEST_CELL:
        raise ValueError(f"over {LONGEST_CELL} characters")
    return Person(moment, zone, variables)


def read_object(text: str) -> dict[str, Any] | None:
    """Read a cell or a column with variables. ValueError: it is no JSON object that can be stored."""
    try:
        found = _decoder.decode(text)
        if b"\\u0000" in msgspec.json.encode(found):
            raise ValueError("holds a NUL character")
    except (msgspec.DecodeError, RecursionError) as exc:  # a ValidationError is one too
        raise ValueError(str(exc)) from None
    return found


def object_cell(variables: dict[str, Any] | None) -> str:
    """Write variables as one line of JSON, in which nothing can steer a terminal."""
    if not variables:
        return ""
    return "".join(c if c.isprintable() else _escaped(c) for c in msgspec.json.encode(variables).decode())


def plain_cell(text: str) -> str:
    """Return text that nobody reads back so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def left_out(header: Collection[str]) -> list[str]:
    """Return which of a CSV file's columns are no variables but Newar's, in the order of the file."""
    return [name for name in header if name in OUTCOME_COLUMNS] if VARIABLES_COLUMN in header else []


def _escaped(character: str) -> str:
    """Write it as JSON escapes: UTF-16 in hexadecimal digits."""
    return re.sub("....", r"\\u\g<0>", character.encode("utf-16-be").hex())
