"""Carries out the outages in which connections are refused: each begins by a timer of the event loop."""

import asyncio
from collections.abc import Callable, Sequence

from ops.fakegraph.planned_outages import PlannedOutage


class Refusals:
    """The refusals to come; `refuse_for` refuses connections for so many seconds."""

    def __init__(self, refuse_for: Callable[[float], None]) -> None:
        self._refuse_for = refuse_for
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def plan(self, outages: Sequence[PlannedOutage]) -> None:
        """Forget those that were planned before, and begin each of these in its time."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers = {}
        told_at_s = asyncio.get_running_loop().time()
        for number, outage in enumerate(outages):
            self._begin_at(told_at_s + outage.from_s, number, outage)

    def _begin_at(self, at_s: float, number: int, outage: PlannedOutage) -> None:
        self._timers[number] = asyncio.get_running_loop().call_at(at_s, self._begin, at_s, number, outage)

    def _begin(self, at_s: float, number: int, outage: PlannedOutage) -> None:
        self._refuse_for(outage.for_s)
        if outage.every_s is not None:
            self._begin_at(at_s + outage.every_s, number, outage)
