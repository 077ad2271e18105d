"""How an attempt ends, for the log and for the job's place in the queue."""

from __future__ import annotations

import msgspec

from schema.job import Aside
from schema.outcomes import ErrorClass, Outcome


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one attempt."""

    outcome: Outcome
    """`retrying`: the message goes back."""
    error_class: ErrorClass | None = None
    """Of an outcome other than `sent`."""
    delay_ms: int = 0
    """Before a message that goes back may be claimed again."""
    counted: bool = False
    """Whether the attempt uses up one of `Job.retries`."""
    letter: str = ""
    """What the answer was: one of lib/answers.lua's; "" when there was no question to the Graph API."""
    verdict: bytes = b""
    """What else the answer means for its run, its page or the app, for work/settle.lua; empty: nothing."""


def stood_aside(aside: Aside) -> Ending:
    """Return the end of a job that was known not to be sent when it was put into the queue."""
    return Ending(outcome=Outcome(aside.outcome), error_class=ErrorClass(aside.error_class))
