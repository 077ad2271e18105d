"""What keeps a person from what they asked for: a run submitted, retried or recovered, people put on a list."""

from __future__ import annotations

from schema.text import TextError
from sender.runs.databases.errors import RunsError


class BadFile(RunsError):
    """A submitted file cannot be used; nothing of it was stored. `problems` are the first lines at fault."""

    def __init__(self, problems: list[str], count: int) -> None:
        more = [f"… and {count - len(problems)} more"] if count > len(problems) else []
        super().__init__("\n".join(problems + more))
        self.problems = problems
        self.count = count


class RunUnusable(TextError, RunsError):
    """A run cannot be submitted, retried or recovered, and nothing was stored; the text says why."""


class RunMisdescribed(RunUnusable):
    """What was said of a submitted run would be refused, whatever the databases hold."""


class UnknownRun(RunUnusable):
    """Nobody knows the run."""
