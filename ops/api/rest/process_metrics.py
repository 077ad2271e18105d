"""The metrics that every process has: that it is there, since when, and what it cannot reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from ops.api.rest.declared import Declared, Sample

if TYPE_CHECKING:
    from ops.api.rest.metrics import Figures


def _processes(f: Figures) -> Iterable[Sample]:
    return [((service,), n) for service, n in Counter(p.service for p in f.processes).items()]


def _uptimes(f: Figures) -> Iterable[Sample]:
    """Return them by each process's own clock."""
    return [((p.process_id, p.service), max(0.0, (p.at_ms - p.started_at_ms) / 1000)) for p in f.processes]


def _cut_off(f: Figures) -> Iterable[Sample]:
    for p in f.processes:
        parts = [s for s in (p.sender, p.ingest, p.runs) if s]
        for part in parts:
            for name in part.__struct_fields__:
                if name.endswith("_down"):
                    yield (p.process_id, name.removesuffix("_down")), float(getattr(part, name))
        if p.sender:
            yield (p.process_id, "redis_replicas"), float(p.sender.replicas_missing)


PROCESS_METRICS = (
    Declared(GaugeMetricFamily, "newar_processes", "processes that report", ("service",), _processes),
    Declared(
        GaugeMetricFamily,
        "newar_process_uptime_seconds",
        "for how long this process has been running",
        ("process", "service"),
        _uptimes,
    ),
    Declared(
        GaugeMetricFamily,
        "newar_part_unreachable",
        "1: this process cannot reach this part",
        ("process", "part"),
        _cut_off,
    ),
)
