"""What a sender counts of itself, for its snapshot."""

from __future__ import annotations

from collections import Counter, deque

from schema.outcomes import Outcome
from schema.snapshot import Latencies, Rates

_WINDOW_S = 300


class Figures:
    """Counters since the start, final outcomes per second, and latencies of the last one to two minutes."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.stale_settlements = 0
        self.busy_tasks = 0
        self._per_second: deque[int] = deque(maxlen=_WINDOW_S)
        self._this_second = 0
        self._latencies = Latencies()
        self._latencies_before = Latencies()
        self._seconds = 0

    def settled(self, outcome: str) -> None:
        """Count one settled attempt."""
        self.outcomes[outcome] += 1
        if outcome != Outcome.RETRYING:
            self._this_second += 1

    def answered(self, latency_ms: float) -> None:
        """Count one answer of the Graph API."""
        self._latencies.add(latency_ms)

    def second_over(self) -> None:
        """Close the current second; called once a second."""
        self._per_second.append(self._this_second)
        self._this_second = 0
        self._seconds += 1
        if self._seconds % 60 == 0:
            self._latencies_before, self._latencies = self._latencies, Latencies()

    def rates(self) -> Rates:
        """Return messages per second over the last second, minute and five minutes (or since the start)."""
        seconds = list(self._per_second)

        def mean(last: list[int]) -> float:
            return round(sum(last) / len(last), 1) if last else 0.0

        return Rates(mean(seconds[-1:]), mean(seconds[-60:]), mean(seconds))

    def latency_counts(self) -> list[int]:
        """Return the counts of the last one to two minutes' latencies."""
        merged = Latencies(list(self._latencies.counts))
        merged.merge(self._latencies_before.counts)
        return merged.counts
