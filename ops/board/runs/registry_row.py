"""A run as the log database knows it, taken or not."""

from __future__ import annotations

from datetime import datetime

import msgspec

from schema.run import RunState

NOT_TAKEN = ("submitted", "scheduled", "waiting", "not_taken")
"""States of runs that are not (yet) in the registry."""


class RegistryRow(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of `sql/run_rows.sql`."""

    run_id: str
    page_id: str
    source: str
    state: str
    """One of RunState, as the registry has it; of a run that is not there one of NOT_TAKEN, and of submitted ones also
    `paused` and `cancelled`."""
    reason: str | None
    waits_for_recipients: bool
    """Whether it waits for recipients that cannot be seen: `reason` says which."""
    recipients: int | None
    """None: not counted."""
    enqueued: bool
    """Whether all of them were in the queue, so that `recipients` is all of them."""
    outcomes: dict[str, int]
    """As noted at its end; empty before."""
    priority: int
    parent_run_id: str | None
    scheduled_at: datetime | None
    expires_at: datetime | None
    taken_at: datetime | None
    finished_at: datetime | None
    ended_as: str | None
    taken: bool
    """Whether it stands in the registry."""
    listed_at: datetime
    """Its place in lists, newest first."""
    page_name: str | None = None
    """As the source said it last."""
    log: dict[str, int] | None = None
    """Outcome -> messages that the log has; None: it was not asked."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or has not begun: nothing of it is in a queue."""
        return self.state in (RunState.FINISHED, RunState.REFUSED) or not self.taken
