"""The limits that pages really have and nobody is told: a token bucket each, and what it let through and refused."""

from collections.abc import Mapping
from math import inf, isfinite
from typing import cast

import msgspec

from ops.fakegraph.schedules import Plan, Schedule, Told, area, read_schedule

EVERY = "*"
BURST_S = 0.5


class LimitCounts(msgspec.Struct):
    """What came of one page's messages.

    Attributes:
        let_through: Messages within the limit, whatever they were answered.
        refused: Messages beyond it, answered with 613.
        possible: What the limit added up to from the first message to the last: most that could be let through,
            but for the burst.
        seconds: From the first message to the last.
        limit_per_s: The limit now.
    """

    let_through: int
    refused: int
    possible: float
    seconds: float
    limit_per_s: float


class _Bucket:
    __slots__ = ("allowance", "filled_at_s", "first_at_s", "let_through", "limit", "refused")

    def __init__(self, limit: Schedule[float], now_s: float) -> None:
        self.limit = limit
        self.allowance = inf  # full at first, whatever its size
        self.filled_at_s = now_s
        self.let_through = self.refused = 0
        self.first_at_s = now_s


class HiddenLimits:
    """Buckets by page, made at a page's first message.

    Args:
        by_page: Messages per second by page; `*` is for each page that has none of its own.
        burst_s: A bucket holds what its limit gives in so many seconds, at least one message.
        told_at_s: The moment from which their times count.
    """

    def __init__(
        self, by_page: Mapping[str, Schedule[float]], burst_s: float = BURST_S, told_at_s: float = 0.0
    ) -> None:
        self._by_page = by_page
        self._burst_s = burst_s
        self._told_at_s = told_at_s
        self._buckets: dict[str, _Bucket] = {}

    def refuse(self, page_id: str, now_s: float) -> bool:
        """Whether a message is beyond the page's limit; one that is not takes its part of it."""
        if not self._by_page:
            return False
        elapsed_s = now_s - self._told_at_s
        bucket = self._buckets.get(page_id)
        if bucket is None:
            limit = self._by_page.get(page_id) or self._by_page.get(EVERY)
            if limit is None:
                return False
            bucket = self._buckets[page_id] = _Bucket(limit, elapsed_s)
        elif not (bucket.let_through or bucket.refused):
            bucket.first_at_s = elapsed_s
        size = max(bucket.limit.at(elapsed_s) * self._burst_s, 1.0)
        bucket.allowance = min(size, bucket.allowance + area(bucket.limit, bucket.filled_at_s, elapsed_s))
        bucket.filled_at_s = elapsed_s
        if bucket.allowance < 1.0:
            bucket.refused += 1
            return True
        bucket.allowance -= 1.0
        bucket.let_through += 1
        return False

    def counts(self, now_s: float) -> dict[str, LimitCounts]:
        """By page, of those that were sent to."""
        return {
            page_id: LimitCounts(
                bucket.let_through,
                bucket.refused,
                area(bucket.limit, bucket.first_at_s, bucket.filled_at_s),
                bucket.filled_at_s - bucket.first_at_s,
                bucket.limit.at(now_s - self._told_at_s),
            )
            for page_id, bucket in self._buckets.items()
            if bucket.let_through or bucket.refused
        }

    def forget(self) -> None:
        """Count anew; what is in the buckets stays."""
        for bucket in self._buckets.values():
            bucket.let_through = bucket.refused = 0


def read_hidden_limits(plans: Mapping[str, Plan], burst_s: float, now_s: float, problems: list[str]) -> HiddenLimits:
    """The limits that were told; what is wrong with them is added to `problems`."""
    if not 0 < burst_s < inf:
        problems.append(f"hidden_burst_s: {burst_s} is not a number of seconds above 0")
    read = {page: read_schedule(plan, f"hidden_limits of {page!r}", _problem, problems) for page, plan in plans.items()}
    return HiddenLimits(cast(dict[str, Schedule[float]], read), burst_s, now_s)


def _problem(told: Told) -> str:
    is_rate = isinstance(told, float | int) and isfinite(told) and told >= 0
    return "" if is_rate else "is not a number of messages/s, 0 or more; leave the page out for no limit"
