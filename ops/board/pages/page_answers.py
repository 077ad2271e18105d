"""What is answered of pages. The keys are an interface: add, never rename. Speeds are messages per second."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

from ops.board.answers import Answer, AppPause
from ops.board.limit_answers import LimitsAnswer, Slowdown
from ops.board.runs.run_answers import CheckStatus, RunAnswer

PageWord = Literal["sending", "waiting", "paused", "breaker", "throttled", "idle", "unknown"]
"""`breaker`: it is not closed; `paused`; `throttled`: rules or a person have slowed it down. Besides, each page is one
of `sending`: messages of it may go; `waiting`: none may, and some are there; `idle`: there is nothing to send;
`unknown`: it had runs, as the log database has it, and the queue knows nothing of it: that was emptied, or put back as
it was before. The queue knows it again with its next run, and until then nothing can be done to it."""
Sort = Literal["trouble", "name", "backlog", "age", "rate"]
STATES: tuple[PageWord, ...] = get_args(PageWord)
SORTS: tuple[Sort, ...] = get_args(Sort)


class Speed(Answer):
    """How fast its messages of one kind may go."""

    limit: float
    now_per_s: float
    """What the claim lets through now; 0 while it is stopped."""
    reached_per_s: float
    """Of the last ten seconds."""


class PageRow(Answer, kw_only=True):
    """A page that ever had a run. What only the queue knows is null where the queue does not know the page."""

    page_id: str
    name: str | None
    """As the source says it: any text, at most 200 characters."""
    state: PageWord
    """The worst that is true of it."""
    text: Speed | None
    media: Speed | None
    because: list[Slowdown]
    """What slows or stops it now, with the rule that holds it."""
    p50_ms: float | None
    """Of the Graph API's answers to it in the last five minutes, as far as the log has come, to 20 %; null: none, or
    not known."""
    p95_ms: float | None
    backlog: int | None
    """Messages of its unfinished runs that have no outcome yet."""
    may_go: int | None
    """Those of them whose turn it is: only the page's speed keeps them."""
    waits: int | None
    """The others: held, or for their hours, a retry, the end of a pause; or a sender has them."""
    oldest_s: float | None
    """For how long the first run of `may_go` has been there; null: there is none."""
    breaker: str | None
    """`closed`, `open` or `half_open`."""
    breaker_reason: str | None
    paused: bool | None
    paused_until: datetime | None
    """Null: it is not paused, or only a person ends it."""
    pause_reason: str | None
    runs: int
    """Its unfinished runs."""


class PagesAnswer(Answer, kw_only=True):
    """`/api/v1/pages`. What is said of them is new each time.

    The order is kept for a while, so that no page comes twice or is skipped.
    """

    at: datetime
    """Redis time of the reading."""
    pages: list[PageRow]
    next: str | None
    """Given as `after`, it brings the following ones; null: there are none."""
    total: int
    """Pages that match the filter."""
    steerable: int
    """Those of them that the queue knows: what `expect` says of an act on all that match."""
    states: dict[str, int]
    """Of how many pages each is true, of those that the search finds; a page can be paused and its breaker open."""
    latency: CheckStatus
    """Whether the log could be asked for p50 and p95."""
    log: CheckStatus
    """Whether the log database could be asked for pages that the queue does not know; otherwise they may be missing."""
    app: AppPause


class PageDetail(PageRow, kw_only=True):
    """`/api/v1/pages/{page_id}`: the page, its limits explained, and its unfinished runs, most left first."""

    limits: LimitsAnswer | None
    """Null: the queue does not know the page."""
    unfinished: list[RunAnswer]
    more_unfinished: int
    """How many more there are than those listed."""
    latency: CheckStatus
