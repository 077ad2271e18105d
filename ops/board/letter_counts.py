"""Events that no row of the log could hold, as the log database has them: how many, and why. Reasons are any text."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files

from ingest.mending.dead_letters import Wanted, statement
from ops.board.answers import Answer
from ops.board.history import History

MOST_COUNTED = 100_000
_COUNT = files("ops.board").joinpath("sql/dead_letter_count.sql").read_text()


class LetterReason(Answer):
    """Dead letters with the same reason."""

    reason: str
    """With `#` for the numbers in it."""
    letters: int
    size: int
    """Bytes of all."""
    oldest_at: datetime
    newest_at: datetime


class DeadLetters(Answer):
    """`/api/v1/dead-letters`."""

    letters: int
    """What `expect` says of putting all of them into the log."""
    reasons: list[LetterReason]
    """Most letters first."""


async def read_dead_letters(history: History) -> DeadLetters:
    """Return how many there are for which reason. Errors: HistoryUnreachable."""
    rows = await history.ask(statement("dead_letters_counted").decode(), Wanted().values())
    return DeadLetters(sum(row["letters"] for row in rows), [LetterReason(**row) for row in rows])


async def count_dead_letters(history: History) -> int:
    """Return how many there are, up to 100,000. Errors: HistoryUnreachable."""
    [row] = await history.ask(_COUNT, {"most": MOST_COUNTED})
    return int(row["letters"])
