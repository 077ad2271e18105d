"""Why messages ended as unknown: from the log's rows and what the senders told. Pure."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from schema.outcomes import Outcome
from tests.faults.history import History, Row


class Cause(StrEnum):
    """What an unknown came from."""

    SENDER_KILLED = "sender killed"
    """Between the mark and the settlement: another took the message over."""
    SESSION_LOST = "session lost"
    """Likewise, and the sender lives: it was frozen, cut off, or Redis was away or went back."""
    NO_ANSWER = "no answer"
    """The request left, and its sender got no answer."""
    UNREADABLE = "answer says nothing"
    """It got one that tells nobody whether the message arrived."""
    MARK_UNTOLD = "mark untold"
    """Redis has a mark of which nobody told: its sender was killed, or Redis before it had answered."""


def causes(history: History) -> Counter[str]:
    """Return how many unknowns of the log came from what."""
    return Counter(_cause(row, history).value for row in history.rows if row.outcome == Outcome.UNKNOWN)


def _cause(row: Row, history: History) -> Cause:
    marker = history.markers.get((row.job, row.attempt))
    if marker is None:
        return Cause.MARK_UNTOLD
    if marker == history.settlers.get(row.job):
        return Cause.NO_ANSWER if row.http_status is None else Cause.UNREADABLE
    return Cause.SENDER_KILLED if marker in history.killed else Cause.SESSION_LOST
