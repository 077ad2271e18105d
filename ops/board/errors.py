"""What can be wrong with a question to the board."""

from __future__ import annotations

NO_PAGE = "this page never had a run, as far as the queue and the log database know"


class NotFound(Exception):
    """There is no such thing; the text says what."""
