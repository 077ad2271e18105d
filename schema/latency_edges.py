"""The edges of the histograms in `page_figures`: each √2 times the one before, so that a value is known to 20 %."""

EDGES_MS = (
    25, 35, 50, 71, 100, 141, 200, 283, 400, 566, 800, 1131, 1600, 2263, 3200, 4525, 6400, 9051, 12800, 18102, 25600,
    36204, 51200,
)  # fmt: skip
"""A count more than these: below the first, between two of them, from the last on. `latency_bucket` in the log database
has the same ones.
Whole numbers: a `real` holds them exactly, so that nobody counts a value differently."""
