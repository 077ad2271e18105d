"""What can go wrong between the run processor and the two databases, by what to do next."""

from __future__ import annotations


class RunsError(Exception):
    """Base of the run processor's errors."""


class DatabaseAway(RunsError):
    """The database cannot be used now: try again in `wait_s` seconds. Logged already."""

    def __init__(self, part: str, wait_s: float) -> None:
        super().__init__(f"the {part} is away")
        self.part = part
        self.wait_s = wait_s


class QueryRefused(RunsError):
    """The database answers, but not to this query: somebody has to mend a view, a permission or the schema."""

    def __init__(self, part: str, text: str) -> None:
        super().__init__(text)
        self.part = part


class BadFile(RunsError):
    """A submitted file cannot be used; nothing of it was stored. `problems` are the first lines at fault."""

    def __init__(self, problems: list[str], count: int) -> None:
        more = [f"… and {count - len(problems)} more"] if count > len(problems) else []
        super().__init__("\n".join(problems + more))
        self.problems = problems
        self.count = count


class RunUnusable(RunsError):
    """A run cannot be submitted, retried or recovered, and nothing was stored; the text says why."""


class RunMisdescribed(RunUnusable):
    """What was said of a submitted run would be refused, whatever the databases hold."""
