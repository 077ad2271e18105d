"""The 24 hours in which a person who wrote may be written to."""

from __future__ import annotations

from schema.outcomes import ErrorClass, Outcome
from sender.message.errors import NotSendable

WINDOW_MS = 24 * 3600 * 1000
WINDOW_MARGIN_MS = 5 * 60 * 1000
"""Kept from the end of the window, for the message's way and for clocks (platform facts 6.3)."""
_WINDOWED = frozenset({"UPDATE", "RESPONSE"})


def outside_window(
    messaging_type: str, last_interaction_ms: int | None, now_ms: int, margin_ms: int = WINDOW_MARGIN_MS
) -> NotSendable | None:
    """Return why a message may not go to this person now, None when it may.

    `UPDATE` and `RESPONSE` are for 24 hours after the person's last action, less a margin; other types have rules
    of their own (platform facts 6). Both moments are ms since 1970 (UTC).
    """
    if messaging_type not in _WINDOWED:
        return None
    if last_interaction_ms is None:
        reason = "nothing is known of when the person last wrote"
    elif now_ms - last_interaction_ms >= WINDOW_MS - margin_ms:
        reason = "the person last wrote too long ago: the 24-hour window is closed"
    else:
        return None
    return NotSendable(ErrorClass.RECIPIENT_WINDOW, Outcome.SUPPRESSED, reason)
