"""What a sender counts of itself, for its snapshot."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from schema.outcomes import Outcome
from schema.seconds import Seconds
from schema.snapshot import Latencies, Rates

_WINDOW_S = 300


class RecentLatencies:
    """A histogram of the last one to two minutes, and another since the start."""

    def __init__(self) -> None:
        self._now = Latencies()
        self._before = Latencies()
        self._earlier = Latencies()
        self.sum_ms = 0.0
        """All that were ever counted, added up."""

    def add(self, ms: float) -> None:
        """Count one latency in ms."""
        self._now.add(ms)
        self.sum_ms += ms

    def minute_over(self) -> None:
        """Forget the minute before the last."""
        self._earlier.merge(self._before.counts)
        self._before, self._now = self._now, Latencies()

    def counts_ever(self) -> list[int]:
        """Return the counts of a Latencies histogram since the start."""
        merged = Latencies(self.counts())
        merged.merge(self._earlier.counts)
        return merged.counts

    def counts(self) -> list[int]:
        """Return the counts of a Latencies histogram."""
        merged = Latencies(list(self._now.counts))
        merged.merge(self._before.counts)
        return merged.counts


class Figures:
    """Counters since the start, final outcomes per second, and latencies of the last one to two minutes.

    `redis_now_us`: Redis's clock, for the seconds that all senders count together.
    """

    def __init__(self, redis_now_us: Callable[[], int]) -> None:
        self.seconds = Seconds(redis_now_us)
        self.outcomes: Counter[str] = Counter()
        self.stale_settlements = 0
        self.unknown_codes = 0
        self.malformed_headers = 0
        self.redis_clock_ahead_s = 0.0
        self.busy_tasks = 0
        self._per_second: deque[int] = deque(maxlen=_WINDOW_S)
        self._this_second = 0
        self.latencies = RecentLatencies()
        self.to_first_byte = RecentLatencies()
        self.to_settlement = RecentLatencies()
        self._seconds = 0

    def settled(self, outcome: str) -> None:
        """Count one settled attempt."""
        self.outcomes[outcome] += 1
        if outcome != Outcome.RETRYING:
            self._this_second += 1

    def second_over(self) -> None:
        """Close the current second; called once a second."""
        self._per_second.append(self._this_second)
        self._this_second = 0
        self._seconds += 1
        if self._seconds % 60 == 0:
            for kind in (self.latencies, self.to_first_byte, self.to_settlement):
                kind.minute_over()

    def rates(self) -> Rates:
        """Return messages per second over the last second, minute and five minutes (or since the start)."""
        seconds = list(self._per_second)

        def mean(last: list[int]) -> float:
            return round(sum(last) / len(last), 1) if last else 0.0

        return Rates(mean(seconds[-1:]), mean(seconds[-60:]), mean(seconds))
