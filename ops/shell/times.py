"""Moments and spans of time as people write them on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(s|min|h|d)")
LONGEST = timedelta(days=3650)


def moment(text: str) -> datetime:
    """Read a moment; one without a time zone could be anybody's.

    Raises:
        typer.BadParameter: saying what to write.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise typer.BadParameter(f"{text!r} is not a moment with a time zone: write for example 2026-11-22T09:30:00Z")
    return at


def span(text: str) -> timedelta:
    """Read how long something lasts.

    Raises:
        typer.BadParameter: saying what to write.
    """
    found = _SPAN.fullmatch(text.strip())
    lasts = timedelta(**{_UNITS[found[2]]: float(found[1])}) if found and float(found[1]) < 1e8 else timedelta()
    if not timedelta(milliseconds=1) <= lasts <= LONGEST:
        raise typer.BadParameter(f"{text!r} is no time: write for example 30s, 15min, 2h or 3d, at most 3650d")
    return lasts


def since(text: str) -> datetime:
    """Read a moment, or how long ago it was. Errors: as `moment`."""
    if _SPAN.fullmatch(text.strip()):
        return datetime.now(UTC) - span(text)
    try:
        return moment(text)
    except typer.BadParameter:
        raise typer.BadParameter(f"{text!r} is no moment: write for example 2h, 3d or 2026-11-22T09:30:00Z") from None


def lasting(seconds: float) -> str:
    """Say how long that is, in its two largest units."""
    s = max(0, round(seconds))
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min {s % 60} s"
    if s < 86400:
        return f"{s // 3600} h {s % 3600 // 60} min"
    return f"{s // 86400} d {s % 86400 // 3600} h"


Moment = Annotated[datetime | None, typer.Option(parser=moment, metavar="MOMENT", help="Such as 2026-11-22T09:30:00Z.")]
