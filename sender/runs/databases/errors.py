"""What can go wrong between the run processor and the two databases, by what to do next."""

from __future__ import annotations


class RunsError(Exception):
    """Base of the run processor's errors."""


class DatabaseAway(RunsError):
    """The database cannot be used now, for this reason: try again in `wait_s` seconds. Logged already."""

    def __init__(self, part: str, wait_s: float, reason: str) -> None:
        super().__init__(f"the {part} is away: {reason}")
        self.part = part
        self.wait_s = wait_s


class QueryRefused(RunsError):
    """The database answers, but not to this query: somebody has to mend a view, a permission or the schema."""

    def __init__(self, part: str, text: str) -> None:
        super().__init__(text)
        self.part = part
