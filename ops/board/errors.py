"""What can be wrong with a question to the board."""

from __future__ import annotations


class NotFound(Exception):
    """There is no such thing; the text says what."""
