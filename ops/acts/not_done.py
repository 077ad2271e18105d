"""Why an act was not done; the texts are for a person, hold no secret, and say what to do instead."""

from __future__ import annotations

from collections.abc import Sequence


class ActRefused(Exception):
    """It cannot be done as things stand, and nothing was changed."""


class NotMeant(ActRefused):
    """A run would be certain to go wrong for everybody; whoever means it so says so.

    Args:
        done: what was not: `submitted`, `made`.
        stops: why, a line for each; they may hold texts of other people's.
    """

    def __init__(self, done: str, stops: Sequence[str]) -> None:
        self.done = done
        self.stops = stops
        lines = "\n".join(f"- {stop}" for stop in stops)
        super().__init__(f"nothing was {done}, since this cannot be meant so:\n{lines}")

    def with_hint(self, anyway: str) -> ActRefused:
        """Return the same with how to do it all the same."""
        return ActRefused(f"{self}\n{anyway}")


class NoSuch(Exception):
    """What it was to be done to does not exist."""


class CannotNow(Exception):
    """Something that it takes is away or not set up here; what was changed all the same, the text says."""
