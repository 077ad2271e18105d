"""The histogram of the Graph API's latency, from what senders have counted since their start. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from schema.snapshot import Latencies, ProcessSnapshot

Histogram = tuple[tuple[str, ...], list[tuple[str, float]], float]
"""Label values; upper edge and number of all below it, for each bucket; and the sum of what was counted."""

LATENCY = "newar_graph_latency_seconds"
LATENCY_BUCKETS = range(28, 77, 2)
"""Of those that a sender counts: each √2 times the one before, from 13 ms to 52 s."""


def latency_histograms(processes: Iterable[ProcessSnapshot]) -> Iterator[Histogram]:
    """Yield the latencies of each sender since its start, in seconds."""
    for p in processes:
        if p.sender and p.sender.latency_counts_ever:
            ever = list(accumulate(p.sender.latency_counts_ever))
            buckets = [(f"{Latencies.upper_edge_ms(i) / 1000:g}", ever[i]) for i in LATENCY_BUCKETS]
            yield (p.process_id,), [*buckets, ("+Inf", ever[-1])], p.sender.latency_sum_ms / 1000
