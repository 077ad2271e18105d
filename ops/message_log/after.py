"""The place at which a list of rows goes on: the last row's moment and event. It stays true whatever comes or goes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

BEGINNING = ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")
"""Before the newest row."""
_NO_ROW_FROM = 9000
"""A year. Moments near the end of time cannot be reckoned with."""


class After(NamedTuple):
    """A row's place: newer rows come before it, older ones behind."""

    sent_at: datetime
    event_id: UUID

    def __str__(self) -> str:
        moment = self.sent_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return f"{moment}_{self.event_id}"

    @classmethod
    def read(cls, text: str) -> After:
        """Read what `str` has written.

        Raises:
            ValueError: it is no place.
        """
        moment, _, event = text.partition("_")
        sent_at = datetime.fromisoformat(moment)
        if sent_at.tzinfo is None or sent_at.year >= _NO_ROW_FROM:
            raise ValueError
        return cls(sent_at, UUID(event))
