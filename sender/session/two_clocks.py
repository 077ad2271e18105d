"""Redis's clock beside our own: while they disagree nothing expires and no hours open, and somebody has to be told."""

from __future__ import annotations

import time

import structlog

from sender.figures import Figures
from sender.queue.held_jobs import TOLERANCE_MS

log = structlog.get_logger()


class TwoClocks:
    """Compares them at each renewal; a disagreement is logged once, and its end."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._disagree = False

    def compare(self, redis_now_us: int) -> None:
        """Note Redis's time as it was just now."""
        ahead_s = redis_now_us / 1e6 - time.time()
        self._figures.redis_clock_ahead_s = round(ahead_s, 3)
        disagree = abs(ahead_s) * 1000 > TOLERANCE_MS
        if disagree and not self._disagree:
            log.error(
                "clocks_disagree",
                redis_ahead_s=round(ahead_s),
                effect="runs do not expire and hours do not open before both clocks say so",
                hint="set the clock of Redis's machine or of this one (NTP)",
            )
        elif self._disagree and not disagree:
            log.info("clocks_agree_again")
        self._disagree = disagree
