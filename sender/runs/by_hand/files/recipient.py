"""One recipient of a file: what is read of them, and what keeps them from being one. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from sender.runs.by_hand.files.tables.bad_line import BadLine
from sender.runs.by_hand.files.tables.columns import ID
from sender.runs.rules.send_window import zone_named

OWN_COLUMNS = (ID, "last_interaction_at", "time_zone")


class Recipient(msgspec.Struct, frozen=True):
    """Somebody who is to get the message."""

    recipient_id: str
    variables: dict[str, Any] | None = None
    last_interaction_at: datetime | None = None
    """Aware."""
    time_zone: str | None = None
    """The recipient's own, such as `Asia/Bangkok`; None: the page's counts."""

    @property
    def variables_text(self) -> str | None:
        """The variables as they are stored and read again: JSON text."""
        return None if self.variables is None else msgspec.json.encode(self.variables).decode()


Found = tuple[int | None, Recipient | BadLine]
"""On which line, and what."""


def recipient_or_problem(
    line: int, recipient_id: str, variables: dict[str, Any] | None, when: str, zone: str | None
) -> Recipient | BadLine:
    """Return the recipient of a line, or what is wrong with it.

    Args:
        line: where they stand.
        recipient_id: not looked at.
        variables: texts and numbers that were looked at.
        when: `last_interaction_at`, empty for none.
        zone: `time_zone`, None for none.
    """
    moment = None
    if when:
        try:
            moment = moment_of(when)
        except ValueError as exc:
            return BadLine(line, f"last_interaction_at {exc}: write for example 2026-11-22T09:30:00Z")
    if zone and zone_named(zone) is None:
        return BadLine(line, f"time_zone {zone!r} is unknown: write for example Asia/Bangkok")
    return Recipient(recipient_id, variables, moment, zone or None)


def moment_of(text: str) -> datetime:
    """Read a moment with its time zone. ValueError: what it is instead, to follow the column's name."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_instead(text)) from None
    if moment.tzinfo is None:
        raise ValueError("has no time zone")
    return moment


_UNITS = ((11, "seconds"), (14, "milliseconds"), (17, "microseconds"))


def _instead(text: str) -> str:
    shown = repr(text if len(text) <= 50 else f"{text[:50]}…")
    if re.fullmatch(r"[0-9]{9,17}", text):
        unit = next(unit for digits, unit in _UNITS if len(text) <= digits)
        return f"{shown} is a number of {unit} since 1970"
    if re.match(r"[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}", text):
        return f"{shown} may be read in several ways: which is the day, and which time zone is it"
    return f"{shown} is not a moment"
