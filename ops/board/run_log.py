"""What the log knows of a run: how many ended, and who did not get its message and why, with a few examples."""

from __future__ import annotations

import msgspec

from ops.board.runs.run_answers import NotReached
from ops.message_log.log_rows import Ask, LogRow, read_examples, read_figures
from ops.message_log.question import FAILURES
from ops.message_log.statements import RunFigure
from schema.outcomes import Outcome

EXAMPLES = 3
_SHOWN = ("recipient_id", "error_code", "error_subcode", "error_message", "sent_at")


class RunLog(msgspec.Struct, frozen=True):
    """A run's figures, which are kept with the rows and outlive them."""

    logged: int
    """Recipients whose final outcome the log has."""
    not_reached: list[NotReached]


async def read_run_log(ask: Ask, run_id: str) -> RunLog | None:
    """Return what the log knows, the most frequent first; None: nothing (yet, or any more). Errors: as of `ask`."""
    figures = await read_figures(ask, run_id)
    missed = [figure for figure in figures if figure.outcome in FAILURES]
    return summary(figures, await read_examples(ask, run_id, missed, EXAMPLES)) if figures else None


def summary(figures: list[RunFigure], examples: list[LogRow]) -> RunLog:
    """Put figures and examples together. Of rows that are gone there are no examples. Pure."""
    found: dict[tuple[str, str], list[dict[str, object]]] = {}
    for row in examples:
        shown = {name: getattr(row, name) for name in _SHOWN}
        found.setdefault((row.outcome, row.error_class or ""), []).append(shown)
    missed = [
        NotReached(one.outcome, one.error_class or None, one.messages, found.get((one.outcome, one.error_class), []))
        for one in figures
        if one.outcome in FAILURES
    ]
    return RunLog(sum(one.messages for one in figures if one.outcome != Outcome.RETRYING), missed)
