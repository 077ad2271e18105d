"""How long tests wait for what must come: longer where the machine is slow or busy.

A short time that is itself what a test is about does not come from here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

USUAL_S = 60.0
"""On a machine with nothing else to do; nothing is expected to take so long. `timeout` in pyproject.toml is more."""
MOST = 10.0
"""Times the usual: who waits longer than that has lost it."""
LOOP_S = 0.05
"""What the measuring loop takes on the machine that "usual" is said of, 2 cores of 2025."""
LOOK_EVERY_S = 5.0


def patience_s() -> float:
    """Return how long to wait for something that must come, by what the machine is like now."""
    return USUAL_S * slowness()


def slowness_of(loop_s: float, load: float, cpus: int) -> float:
    """Return how many times longer things take, by a loop's time on the wall clock or by who waits for CPU and disk."""
    return min(MOST, max(1.0, loop_s / LOOP_S, load / cpus))


class Slowness:
    """How slow the machine has been at its worst so far: who was busy once may soon be so again."""

    def __init__(self, measure: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self._measure = measure
        self._clock = clock
        self._look_at_s = clock()
        self._worst = 1.0

    def __call__(self) -> float:
        """Look again if the last look was some seconds ago. Blocks for a moment then."""
        if self._clock() >= self._look_at_s:
            self._worst = max(self._worst, self._measure())
            self._look_at_s = self._clock() + LOOK_EVERY_S
        return self._worst


def _measure() -> float:
    began_at, number = time.perf_counter(), 0
    for turn in range(500_000):
        number = number * 31 + turn & 0xFFFF
    return slowness_of(time.perf_counter() - began_at, os.getloadavg()[0], os.cpu_count() or 1)


slowness = Slowness(_measure)
"""This process's: a number from 1 to `MOST`."""
