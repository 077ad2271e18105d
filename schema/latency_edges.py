"""The edges of the histograms in `page_figures`: each √2 times the one before, so that a value is known to 20 %."""

import math
from collections.abc import Mapping

EDGES_MS = (
    25, 35, 50, 71, 100, 141, 200, 283, 400, 566, 800, 1131, 1600, 2263, 3200, 4525, 6400, 9051, 12800, 18102, 25600,
    36204, 51200,
)  # fmt: skip
"""A count more than these: below the first, between two of them, from the last on. `latency_bucket` in the log database
has the same ones.
Whole numbers: a `real` holds them exactly, so that nobody counts a value differently."""


def percentile(latencies: Mapping[int, int], share: float) -> float | None:
    """Return the latency in ms that this share does not exceed, from counts by bucket; None: there are none.

    It is the middle of its bucket, geometrically: at most 20 % off. Beyond the last edge nothing more is known.
    """
    total = sum(latencies.values())
    rank, seen = math.ceil(share * total), 0
    for bucket in sorted(latencies):
        seen += latencies[bucket]
        if latencies[bucket] > 0 and seen >= rank:
            below = EDGES_MS[bucket - 1] if bucket else EDGES_MS[0] / 2
            above = EDGES_MS[bucket] if bucket < len(EDGES_MS) else below
            return round(math.sqrt(below * above), 1)
    return None
