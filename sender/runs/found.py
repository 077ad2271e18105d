"""What a look at the runs of a source gathers, for those who act on it."""

from __future__ import annotations

import msgspec

from sender.runs.rules.not_taken import NotTaken, Scheduled
from sender.runs.rules.rows import Head


class Found(msgspec.Struct):
    """What a poll gathers while it looks at runs."""

    tokens: dict[str, tuple[float, str]] = {}
    """Page -> when the run was changed, and the token that it brings: of those to be sent, the newest."""
    pages: set[str] = set()
    """Those with runs in the queue."""
    new: dict[str, Scheduled] = {}
    """Runs to be taken, as they are shown while they cannot be."""
    refused: dict[str, str] = {}
    """Those of them that were refused before -> why."""
    begun: set[str] = set()
    """Those of them that have jobs in the queue already."""
    timed: list[Head] = []
    """Runs in the queue that have a send window."""
    not_taken: list[NotTaken] = []
    """Runs that will not be taken as they are."""
    scheduled: list[Scheduled] = []
    """Runs that are due later."""

    def note_token(self, page_id: str | None, head: Head) -> None:
        """Note the token that a run brings for its page; the newest run's counts."""
        if token := (head.page_access_token or "").strip():
            entry = (head.updated_at_s or 0.0, token)
            newest = self.tokens.setdefault(page_id or "", entry)
            self.tokens[page_id or ""] = max(newest, entry, key=lambda one: one[0])
