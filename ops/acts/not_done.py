"""Why an act was not done; the texts are for a person, hold no secret, and say what to do instead."""

from __future__ import annotations


class ActRefused(Exception):
    """It cannot be done as things stand, and nothing was changed."""


class NoSuch(Exception):
    """What it was to be done to does not exist."""


class CannotNow(Exception):
    """Something that it takes is away or not set up here; what was changed all the same, the text says."""
