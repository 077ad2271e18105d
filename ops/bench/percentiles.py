"""Median, 95th and 99th percentile of times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schema.snapshot import Latencies

_SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Percentiles:
    """In ms; None when nothing was measured."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None

    @classmethod
    def of(cls, times_s: Iterable[float]) -> Percentiles:
        """Rank times given in seconds."""
        ranked = sorted(times_s)
        return cls(*(_at(ranked, share) for share in _SHARES))

    @classmethod
    def of_histograms(cls, counts: Iterable[Sequence[int]]) -> Percentiles:
        """Add up the counts of Latencies histograms; each bucket is up to 19 % wide, its upper edge counts."""
        together = Latencies()
        for one in counts:
            together.merge(list(one))
        return cls(*(together.percentile(share) for share in _SHARES))

    def __str__(self) -> str:
        return " / ".join("-" if t is None else f"{t:.1f}" for t in (self.p50_ms, self.p95_ms, self.p99_ms))


def _at(ranked: list[float], share: float) -> float | None:
    if not ranked:
        return None
    return round(ranked[math.ceil(share * len(ranked)) - 1] * 1000, 3)
