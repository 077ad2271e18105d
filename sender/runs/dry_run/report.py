"""What a dry run found."""

from __future__ import annotations

from typing import Any

import msgspec


class LeftOut(msgspec.Struct, frozen=True):
    """People who would not get the message, for one class of reasons."""

    outcome: str
    error_class: str
    recipients: int
    examples: list[dict[str, str]]
    """At most three: `recipient_id` and `reason`."""


class MissingName(msgspec.Struct, frozen=True):
    """A placeholder of the message for which some have no value."""

    name: str
    without: int
    """So many people have none."""
    fallback: bool
    """Whether a fallback stands in; else they do not get the message."""
    did_you_mean: str | None = None
    """A name in the data that is nearly this one."""


class UnusedName(msgspec.Struct, frozen=True):
    """A name in the data that no placeholder asks for."""

    name: str
    did_you_mean: str | None = None
    """A placeholder that nobody has a value for, and that is nearly this name."""


class Sample(msgspec.Struct, frozen=True):
    """A message as one person would get it."""

    recipient_id: str
    message: dict[str, Any]


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of a run if it were due now. Shapes are part of the API: add, never rename."""

    page_id: str | None
    stops: list[str]
    """What is certain to be refused or to go wrong for everybody: `newar run submit` does not begin with any."""
    notes: list[str]
    """What else a person should know."""
    unreadable: list[str] = []
    """Lines of a file that cannot be used, the first ones: with any, the file is refused as a whole."""
    recipients: int = 0
    """Rows that could be read."""
    would_get: int = 0
    duplicates: int | None = 0
    """Rows of a person who was there before: one message goes out. None: too many rows to tell."""
    left_out: list[LeftOut] = []
    missing_names: list[MissingName] = []
    unused_names: list[UnusedName] = []
    samples: list[Sample] = []
    """At most three."""
    per_second: float | None = None
    """How fast the page may go now; None: not known."""
    takes_s: float | None = None
    """Seconds from the first message to the last at that pace, with nothing else for the page; None: not known."""
    taken_as: str | None = None
    """How a file was read."""
    page_name: str | None = None
    """As the source names the page."""
