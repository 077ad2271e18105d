"""How an attempt ends, for the log and for the job's place in the queue."""

from __future__ import annotations

import msgspec

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
