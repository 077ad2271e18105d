"""The 24 hours in which a person who wrote may be written to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from schema.outcomes import ErrorClass, Outcome
from sender.message.errors import NotSendable

WINDOW_MS = 24 * 3600 * 1000
WINDOW_MARGIN_MS = 5 * 60 * 1000
"""Kept from the end of the window, for the message's way and for clocks (platform facts 6.3)."""
_WINDOWED = frozenset({"UPDATE", "RESPONSE"})
_EARLIEST_MS = 1_420_070_400_000
"""2015: nobody wrote to a page's bot before. Seconds taken for milliseconds are of 1970."""
_AHEAD_MS = 5 * 60 * 1000
_LATEST_MS = 253_402_300_799_000
"""The last that can be written as a date."""


class Now(NamedTuple):
    """The time as two clocks have it: what cannot be undone is not to follow one of them alone."""

    earliest_ms: int
    latest_ms: int


def implausible(last_interaction_ms: int, now: Now) -> str | None:
    """Return why nobody can have acted at that moment, None when somebody can."""
    if last_interaction_ms > now.latest_ms + _AHEAD_MS:
        return f"last_interaction_at is in the future ({_day(last_interaction_ms)}): is it of another time zone?"
    if last_interaction_ms < _EARLIEST_MS:
        return f"last_interaction_at is before 2015 ({_day(last_interaction_ms)}): are seconds taken for milliseconds?"
    return None


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(min(max(ms, 0), _LATEST_MS) / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def outside_window(
    messaging_type: str, last_interaction_ms: int | None, now: Now, margin_ms: int = WINDOW_MARGIN_MS
) -> NotSendable | None:
    """Return why a message may not go to this person now, None when it may.

    `UPDATE` and `RESPONSE` are for 24 hours after the person's last action, less a margin; other types have rules
    of their own (platform facts 6). All moments are ms since 1970 (UTC).
    """
    if messaging_type not in _WINDOWED:
        return None
    if last_interaction_ms is None:
        reason = "nothing is known of when the person last wrote"
    elif wrong := implausible(last_interaction_ms, now):
        reason = wrong
    elif now.earliest_ms - last_interaction_ms >= WINDOW_MS - margin_ms:
        reason = "the person last wrote too long ago: the 24-hour window is closed"
    else:
        return None
    return NotSendable(ErrorClass.RECIPIENT_WINDOW, Outcome.SUPPRESSED, reason)
