"""What `/api/v1/pages/{page_id}/limits` and `newar limits` answer. The keys are an interface: add, never rename."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ops.board.answers import Answer
from schema.text import Worded

Cause = Literal["set_limit", "pace", "ceiling", "pause", "probe", "breaker"]
LimitSource = Literal["by_hand", "source", "senders", "default"]


class Slowdown(Answer, Worded):
    """One thing that makes a page, or everything, slower than its limit."""

    what: Cause
    scope: Literal["page", "app"]
    effect: str
    """In words: `at most 50 % of the limit`."""
    rule: str | None
    """The rule that did it; null: a person, or a sender of a former release."""
    rule_in_words: str | None
    reason: str | None
    """The answer that led to it, or why a person did it."""
    by_hand: bool
    """Whether a person did it: only a person ends it."""
    until: datetime | None
    """When it ends by itself; null: that is not known, or never."""


class LaneLimit(Answer):
    """How fast a page's messages of one kind may go, per second."""

    content: Literal["text", "media"]
    limit: float
    limit_from: LimitSource
    """`by_hand`: newar limits set; `source`: newar_pages; `senders`: their settings; `default`: none reports any."""
    now_per_s: float
    """What the claim lets through now; 0 while it is paused."""
    reached_per_s: float
    """What it did let through in the last ten seconds."""
    runs: int
    """Runs (or time zones of runs) of which something may be sent now."""


class AppLimit(Answer):
    """The same of the whole app; null: it has no limit."""

    limit: float | None
    now_per_s: float | None
    reached_per_s: float


class LimitsAnswer(Answer):
    """Why a page is as fast as it is."""

    page_id: str
    at: datetime
    """Redis time."""
    lanes: list[LaneLimit]
    app: AppLimit
    because: list[Slowdown]
    """What slows it now, the page's own first; empty: nothing does."""
    last_answers: dict[str, int]
    """Of the page's last fifty, as far as they are remembered: from the first bad one on, until all is well again."""
    last_app_answers: dict[str, int]
    senders_differ: bool
    """Whether senders run with different limits; the smallest are shown."""
