"""What the endpoints answer. The keys are an interface: add, never rename. Times are UTC, shares run from 0 to 1."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ops.board.runs.run_answers import CheckStatus, RunAnswer
from schema.event import LogEvent
from schema.snapshot import PoolFigures, Rates

Overall = Literal["ok", "degraded", "down"]


class Answer(msgspec.Struct):
    """The base of all answers."""


class Check(Answer, omit_defaults=True):
    """How one part does. `detail` is left out for readers without a token."""

    status: CheckStatus
    detail: str | None = None


class Health(Answer):
    """`/health`. `down` is only said when nothing can be sent: without Redis."""

    status: Overall
    checks: dict[str, Check]


class Live(Answer):
    """`/health/live`: this process answers."""

    status: Literal["ok"] = "ok"


class LatencyMs(Answer):
    """Graph API latency of the last one to two minutes; null without a measurement."""

    p50: float | None
    p95: float | None
    p99: float | None


class ProcessAnswer(Answer):
    """What every part per process begins with."""

    process_id: str
    host: str
    pid: int
    started_at: datetime


class SenderPart(ProcessAnswer):
    """One sender process. Counts are since its start."""

    messages_per_second: Rates
    outcomes: dict[str, int]
    latency_ms: LatencyMs
    busy_tasks: int
    tasks: int
    stale_settlements: int


class Performance(Answer):
    """`/stats/performance`. Outcomes are counted since the start of each running sender."""

    messages_per_second: Rates
    outcomes: dict[str, int]
    latency_ms: LatencyMs
    processes: list[SenderPart]


class HttpClientPart(PoolFigures, frozen=True, kw_only=True):
    """The connection pool of one sender process."""

    process_id: str
    host: str
    pid: int
    started_at: datetime


class HttpClient(PoolFigures, frozen=True, kw_only=True):
    """`/stats/http-client`: all pools together. `errors` counts failures by phase."""

    processes: list[HttpClientPart]


class AppPause(Answer):
    """A pause of the whole Facebook app; null when there is none."""

    paused_until: datetime | None
    reason: str | None
    by_hand: bool = False  # then only `newar resume --all` ends it


class PageAnswer(Answer):
    """One page with unfinished runs."""

    page_id: str
    runs: int
    left: int
    breaker: str
    paused_until: datetime | None
    pause_reason: str | None


class QueueAnswer(Answer):
    """`/stats/queue`. Jobs are counted in the unfinished runs; lists hold the busiest 100."""

    waiting: int
    delayed: int
    leased: int
    marked: int
    outbox: int
    oldest_claimable_age_s: float
    runs_unfinished: int
    runs: list[RunAnswer]
    pages: list[PageAnswer]
    app: AppPause
    runs_braked: int
    may_go: int = 0
    """Messages that nothing holds back but their page's turn and limit."""
    waits: dict[str, int] = {}
    """Cause -> messages that wait for it, each counted once, as of a run."""


class BreakerPage(Answer):
    """A page whose breaker is not closed."""

    page_id: str
    state: Literal["open", "half_open"]
    reason: str | None
    failures: int
    opened_at: datetime | None
    retry_at: datetime | None


class CircuitBreaker(Answer):
    """`/stats/circuit-breaker`: how many are not closed, and which (at most 1000)."""

    open: int
    half_open: int
    app: AppPause
    pages: list[BreakerPage]


class IngestPart(ProcessAnswer):
    """One ingest process. Counts are since its start."""

    rows_per_second: float
    rows: int
    lag_events: int
    lag_s: float
    dead_letters: int
    conflicting: int
    repeated: int
    corrected: int
    too_old: int
    partitions: list[int]
    without_partitions_s: float
    topics_made_again: int
    events_missing: int
    database_down: bool
    database_refusal: str
    """Why it takes no rows, where it says so."""
    read_until: datetime | None
    """All that the broker had of its partitions before this moment are rows; null: not known."""


class Ingest(Answer):
    """`/stats/ingest`. `lag_s` is that of the process furthest behind.

    Of the events that became no new row, `repeated` were rows already, `corrected` made a row say more, `too_old` are
    of days that are dropped, and `conflicting` are those dead letters that contradict a row.
    """

    rows_per_second: float
    rows: int
    lag_events: int
    lag_s: float
    dead_letters: int
    conflicting: int
    repeated: int
    corrected: int
    too_old: int
    partitions: list[int]
    processes: list[IngestPart]


class FailuresAnswer(Answer):
    """`/api/v1/failures`: the newest failures, newest first."""

    failures: list[LogEvent]


class ProcessRow(ProcessAnswer):
    """Any running process."""

    service: str
    settings: dict[str, int | float | str]
    busy_tasks: int | None
    tasks: int | None


class Overview(Answer):
    """`/api/v1/overview`: what the start page shows of one moment; all of it from Redis, so that it is never slow."""

    at: datetime
    """Redis time."""
    messages_per_second: Rates
    outcomes: dict[str, int]
    latency_ms: LatencyMs
    queue: QueueAnswer
    breaker: CircuitBreaker
    ingest: Ingest
    http_client: HttpClient
    other_runs: list[RunAnswer]
    """The newest that are not in `queue.runs`."""
    failures: list[LogEvent]
    processes: list[ProcessRow]


class Problem(Answer):
    """An error, as RFC 9457 says."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
