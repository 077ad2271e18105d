"""What is answered of runs. The keys are an interface: add, never rename. A figure that is not known is null."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

import msgspec

from schema.text import Text, Worded

CheckStatus = Literal["ok", "degraded", "down", "unknown", "not_configured"]


class RunStatus(StrEnum):
    """What a run is doing, in one word for people; `waiting_because` says the rest."""

    SCHEDULED = "scheduled"
    """It is due later."""
    WAITING = "waiting"
    """Something holds all of it, or nobody of it can be written to yet."""
    FILLING = "filling"
    """Its recipients are being put into the queue; the first messages may be leaving."""
    SENDING = "sending"
    DRAINING = "draining"
    """It was cancelled or has expired: those who are left get that outcome, and no message."""
    FINISHED = "finished"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    """Not taken, and will not be as it is."""
    UNKNOWN = "unknown"
    """It has not ended, as far as the registry knows, and the queue cannot be asked."""


OVER = frozenset({RunStatus.FINISHED, RunStatus.CANCELLED, RunStatus.EXPIRED, RunStatus.REFUSED})
"""Nothing more comes of such a run."""

CauseName = Literal[
    "page_paused",
    "throttled",
    "breaker",
    "window",
    "operator",
    "source",
    "brake",
    "queue_lost",
    "no_sender",
    "outbox_full",
    "redis_full",
    "nobody_yet",
    "scheduled",
    "registry",
    "app_paused",
    "graph_down",
    "mark_replicas",
    "recipient_hours",
    "retry",
    "run_processor",
]
"""`recipient_hours` and `retry` hold some messages of a run, `redis_full` those that are not in the queue yet, all
others the whole run. `run_processor`: it has not taken the run yet."""


class Cause(Worded, frozen=True):  # type: ignore[misc]  # the base has no fields that could change
    """One thing for which a run waits."""

    cause: CauseName
    detail: str
    """In plain words, with its figures."""
    until: datetime | None = None
    """When it ends by itself; null: that is not known, or a person ends it."""

    @classmethod
    def of(cls, cause: CauseName, detail: Text, until: datetime | None = None) -> Self:
        """Return one that can be said in other languages too."""
        return cls(cause, str(detail), until).worded(detail=detail)


class Brake(msgspec.Struct):
    """Of a run that a brake holds until a person has looked: the rule that has set it, and why."""

    rule: str
    reason: str | None
    since: datetime | None


class RunAnswer(msgspec.Struct, kw_only=True):
    """One run. `recipients` grows until the run is completely in the queue.

    Of those in the queue, `left` is `may_go`, `in_flight` and all `waits` together.
    """

    run_id: str
    page_id: str
    page_name: str | None = None
    source: str | None = None
    """`source` or `submitted`; null: only the queue knows it."""
    state: str
    """One of RunState; `submitted`: not taken yet; `waiting`: for recipients that cannot be seen; `not_taken`: never,
    as it is; `scheduled`: due later."""
    status: RunStatus = RunStatus.UNKNOWN
    waiting_because: list[Cause] = []
    """What holds it, the strongest first; also where only some of its messages wait."""
    may_go: int | None = None
    """Messages that nothing holds back but their page's turn and limit."""
    in_flight: int | None = None
    """Messages that senders have claimed."""
    waits: dict[str, int] | None = None
    """Cause -> messages that wait for it, each counted once, under what holds it most; `drain`: those that will not be
    sent and wait to be noted so."""
    held_by: list[str]
    """Who holds a paused run: of `source`, `operator`, `window`, `registry`, `brake`."""
    ended_as: str | None
    """Of a finished run: `complete`, `cancelled` or `expired`; null also where a former release noted its end."""
    reason: str | None
    """Of a run that was refused, lost its queue, waits for its recipients or is not taken: why."""
    priority: int
    recipients: int | None
    left: int | None
    """Recipients without a final outcome."""
    outcomes: dict[str, int] | None
    figures: Literal["queue", "log", "registry"] | None = None
    """Who says `recipients`, `left` and `outcomes`: the queue, until the log has as many final outcomes as the run has
    recipients, then the log; of what is older than its figures the registry. null: nobody."""
    logged: int | None = None
    """Recipients whose final outcome has come to the log, which is behind the queue; null: not known."""
    progress: float | None
    rate_per_second: float | None
    """Final outcomes per second: over the last half minute when watched that long, else since it was taken."""
    eta_s: float | None
    """Seconds until `left` is 0 at this rate; null when that cannot be said."""
    parent_run_id: str | None = None
    scheduled_at: datetime | None = None
    taken_at: datetime | None
    """Of a run that was not taken: since when that is known."""
    expires_at: datetime | None
    finished_at: datetime | None
    brake: Brake | None = None
    expires_soon: bool = False
    """Whether it is held and expires within two hours: `newar run extend` gives it more time."""


class NotReached(msgspec.Struct):
    """Recipients of a run that ended alike, other than `sent`."""

    outcome: str
    error_class: str | None
    recipients: int
    examples: list[dict[str, Any]]
    """The newest, at most three: recipient_id, error_code, error_subcode, error_message, sent_at. None of rows that are
    older than LOG_RETENTION_DAYS: only their number is remembered."""


class RunDetail(RunAnswer, kw_only=True):
    """One run, with who did not get its message and why, as far as the log knows."""

    queue: CheckStatus = "ok"
    """Whether the queue could be asked: see RunsAnswer."""
    history: CheckStatus = "ok"
    """Whether the registry could be asked: see RunsAnswer."""
    log: CheckStatus
    """Whether the log could be asked; if not, `not_reached` is empty and says nothing. `unknown`: it was, and knows
    nothing of the run, though recipients have ended: the ingest is behind, or the run is older than the figures."""
    not_reached: list[NotReached]


class RunsAnswer(msgspec.Struct, kw_only=True):
    """`/api/v1/runs`: newest first, those that are due later before all others."""

    history: CheckStatus
    """Whether the registry could be asked; if not, these are the newest that the queue knows."""
    queue: CheckStatus = "ok"
    """Whether the queue could be asked; if not, of those that have not ended only the registry's word is known."""
    runs: list[RunAnswer]
    next: str | None = None
    """Given as `after`, it brings the following ones; null: there are none."""
    scheduled_more: int = 0
    """Runs of the source that are due later than all listed of them: these are not listed."""
