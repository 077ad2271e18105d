"""What is answered of one person and of one job. The keys are an interface: add, never rename."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ops.board.answers import Answer
from ops.board.runs.run_answers import CheckStatus
from ops.board.suppressions import Suppression
from ops.message_log.log_rows import LogRow
from schema.text import Worded

JobPlace = Literal["held", "marked", "delayed", "waiting", "drain", "not_yet", "ended", "not_in_queue", "unknown"]
"""Where a job is.

`held`: a sender has it, nothing has left; `marked`: it may have left; `delayed`: it waits for a retry; `waiting`: for
its turn, or it has ended and the log is behind; `drain`: it will not be sent and waits to be noted so: its run was
cancelled or has expired, or it stands aside; `not_yet`: its run is being filled and has not come to it; `ended`: the
log has its final outcome; `not_in_queue`: the queue does not know the run, or has finished it; `unknown`: too many wait
for a retry to look through them, or the queue could not be asked.
"""


class Reason(Answer, Worded):
    """Why somebody got nothing."""

    cause: str
    """An outcome or error class of the log (`recipient_window`, `recipient_denied`, `run_expired` …), or
    `not_in_any_run`."""
    detail: str
    page_id: str | None = None
    run_id: str | None = None
    since: datetime | None = None


class PersonRun(Answer, kw_only=True):
    """A run and what it did with this person."""

    run_id: str
    page_id: str
    page_name: str | None
    run_state: str | None
    """As `state` of `/api/v1/runs`; null: neither queue nor registry knows it any more."""
    outcome: str | None
    """Of the newest attempt in the log; null: there is none yet."""
    error_class: str | None
    told: str | None
    """What the answer said, or why nothing was sent."""
    attempts: int
    """Attempts in the log, of those that are listed."""
    last_at: datetime | None
    place: JobPlace
    next_retry_at: datetime | None


class PersonAnswer(Answer, kw_only=True):
    """`/api/v1/people/{psid}`: what is known of a person, of the pages that the caller may see."""

    recipient_id: str
    runs: list[PersonRun]
    """Those that are still to come to this person, as the source says; then those of `attempts`, newest first."""
    attempts: list[LogRow]
    """Newest first."""
    next: str | None
    """Given as `after`, it brings older attempts; null: there are none."""
    suppressions: list[Suppression]
    """Entries that stand."""
    because: list[Reason]
    """Why nothing was sent, run by run, and what keeps the next one from being sent."""
    runs_looked_into: int
    """So many unfinished runs without an attempt were asked whether this person stands in them."""
    runs_not_looked_into: int
    """So many were not: they are too many, or their source could not be asked."""
    log: CheckStatus
    source: CheckStatus
    queue: CheckStatus


class JobAnswer(Answer, kw_only=True):
    """`/api/v1/jobs/{run_id}/{psid}`: one message of one run to one person."""

    run_id: str
    page_id: str
    page_name: str | None
    recipient_id: str
    job_id: str
    run_state: str | None
    place: JobPlace
    attempts: list[LogRow]
    """Newest first."""
    marks: int | None
    """Attempts so far, as the job's record says; null: it was not found, which is usual while it waits for its turn."""
    retries: int | None
    """Those of them that count against the retry budget."""
    next_retry_at: datetime | None
    held_by: str | None
    """The session of the sender that has it."""
    lease_until: datetime | None
    """When another sender takes over, unless the lease is renewed, as it is all the time."""
    marked_at: datetime | None
    """When its attempt was marked as one that may leave."""
    payload: dict[str, Any] | None
    """The body of the request as it would go now, without the token."""
    filled_from: Literal["queue", "source"] | None
    """Where its variables are from: the job's record, or the source as it is now."""
    would_not_go: list[Reason]
    """Why it would not be sent now; empty: nothing is known that keeps it."""
    last_interaction_at: datetime | None
    time_zone: str | None
    """The person's own, where the run has a send window."""
    suppressions: list[Suppression]
    log: CheckStatus
    source: CheckStatus
    queue: CheckStatus
