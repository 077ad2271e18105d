"""Percentiles of single times and of histograms."""

from __future__ import annotations

from ops.bench.percentiles import Percentiles
from schema.snapshot import Latencies


def test_percentiles_are_times_that_were_measured() -> None:
    assert Percentiles.of([n / 1000 for n in range(100, 0, -1)]) == Percentiles(50.0, 95.0, 99.0)


def test_one_time_is_every_percentile() -> None:
    assert Percentiles.of([0.002]) == Percentiles(2.0, 2.0, 2.0)


def test_nothing_measured_has_no_percentile() -> None:
    assert Percentiles.of([]) == Percentiles(None, None, None)
    assert Percentiles.of_histograms([]) == Percentiles(None, None, None)


def test_histograms_of_several_processes_are_added_up() -> None:
    quick, slow = Latencies(), Latencies()
    for _ in range(96):
        quick.add(1.0)
    for _ in range(4):
        slow.add(100.0)
    together = Percentiles.of_histograms([quick.counts, slow.counts])
    edge_of_1_ms, edge_of_100_ms = quick.percentile(0.5), slow.percentile(0.5)
    assert together == Percentiles(edge_of_1_ms, edge_of_1_ms, edge_of_100_ms)
