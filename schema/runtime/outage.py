"""Pacing reconnects to a part that is away or refuses us, and logging each outage once."""

from __future__ import annotations

import math
import random

import structlog

from schema.runtime.database_refusals import without_rows
from schema.runtime.refusals import refusal_of
from schema.runtime.tls_trouble import tls_trouble

log = structlog.get_logger()

_LOG_EVERY_S = 10.0
"""A part that comes and goes is logged once in so long."""


class Refused(Exception):
    """A part answers and refuses us, for a reason that stays until somebody acts."""

    reason: str
    """Why and what to write, to be read behind the part's name."""


class Outage:
    """What we know of one outside part: up, or down since when and how long to wait before the next try."""

    def __init__(self, part: str, *, first_s: float = 0.25, longest_s: float = 5.0) -> None:
        self.part = part
        self._first_s = first_s
        self._longest_s = longest_s
        self._failures = 0
        self._since_s = 0.0
        self._logged_at_s = -math.inf
        self._logged = False
        self._refusal: str | None = None

    @property
    def down(self) -> bool:
        """Whether the part's last use failed."""
        return self._failures > 0

    @property
    def refusal(self) -> str:
        """Why the part refuses us, and what to write; "" while it does not, or is away."""
        return (self._refusal or "") if self.down else ""

    def failed(self, error: BaseException, now_s: float) -> float:
        """Note a failure at `now_s` (any steady clock); return the seconds to wait before the next try."""
        if not self._failures:
            self._since_s, self._logged = now_s, False
        reason = error.reason if isinstance(error, Refused) else refusal_of(error)
        news = reason is not None and reason != self._refusal
        if news or (not self._logged and now_s - self._logged_at_s >= _LOG_EVERY_S):
            self._logged, self._logged_at_s = True, now_s
            if reason:
                log.error("part_refuses", part=self.part, reason=reason)
            else:
                trouble = tls_trouble(error)
                cause = {"cause": trouble} if trouble else {}
                log.warning("part_unreachable", part=self.part, error=without_rows(error), **cause)
        self._refusal = reason
        self._failures += 1
        wait_s: float = min(self._longest_s, self._first_s * 2 ** min(self._failures - 1, 16))
        return wait_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter needs no secrecy

    def recovered(self, now_s: float) -> None:
        """Note that the part answers again."""
        if self._failures and self._logged:
            log.info("part_back", part=self.part, away_s=round(now_s - self._since_s, 1), failures=self._failures)
        self._failures = 0
