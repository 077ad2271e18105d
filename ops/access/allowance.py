"""How often somebody may do a thing: some at once, and then one in so many seconds. Pure, and bounded in memory."""

from __future__ import annotations

from collections import OrderedDict

MOST = 5000
"""Whoever came longest ago is forgotten first."""


class TooOften(Exception):
    """It was done more often than it may be."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"tried too often; try again in {wait_s:.0f} s")
        self.wait_s = wait_s


class Allowance:
    """Counts by a name, such as an address. Times are seconds of any one clock."""

    def __init__(self, at_once: int, every_s: float) -> None:
        self._at_once = at_once
        self._every_s = every_s
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """When each has all of it again."""

    def wait_s(self, name: str, now_s: float) -> float:
        """Return how long until it may be done once more; 0: now."""
        full_in_s = self._full_at.get(name, now_s) - now_s
        return max(0.0, full_in_s - (self._at_once - 1) * self._every_s)

    def spend(self, name: str, now_s: float, times: int = 1) -> None:
        """Note that it was done."""
        self._full_at[name] = max(self._full_at.get(name, now_s), now_s) + times * self._every_s
        self._full_at.move_to_end(name)
        if len(self._full_at) > MOST:
            self._full_at.popitem(last=False)
