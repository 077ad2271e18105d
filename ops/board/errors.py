"""What can be wrong with a question to the board."""

from __future__ import annotations

from schema.text import N_, TextError

NO_PAGE = N_("this page never had a run, as far as the queue and the log database know")


class NotFound(TextError):
    """There is no such thing; the text says what."""
