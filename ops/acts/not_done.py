"""Why an act was not done; the texts are for a person, hold no secret, and say what to do instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from schema.text import N_, TextError

_NOT_MEANT = {
    "submitted": N_("nothing was submitted, since this cannot be meant so:\n%(stops)s"),
    "made": N_("nothing was made, since this cannot be meant so:\n%(stops)s"),
}


class NotDone(TextError):
    """An act was not done; the text says why."""


class ActRefused(NotDone):
    """It cannot be done as things stand, and nothing was changed."""


class NotMeant(ActRefused):
    """A run would be certain to go wrong for everybody; whoever means it so says so.

    Args:
        done: what was not: `submitted`, `made`.
        stops: why, a line for each; they may hold texts of other people's.
    """

    def __init__(self, done: Literal["submitted", "made"], stops: Sequence[str]) -> None:
        self.done = done
        self.stops = stops
        super().__init__(_NOT_MEANT[done], stops="\n".join(f"- {stop}" for stop in stops))

    def with_hint(self, anyway: str) -> ActRefused:
        """Return the same with how to do it all the same."""
        return ActRefused("%(said)s\n%(anyway)s", said=self.text, anyway=anyway)


class NoSuch(NotDone):
    """What it was to be done to does not exist."""


class CannotNow(NotDone):
    """Something that it takes is away or not set up here; what was changed all the same, the text says."""
