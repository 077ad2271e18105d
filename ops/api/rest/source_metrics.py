"""How the places fare that runs come from, in numbers, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from ops.api.rest.declared import Declared, Sample
from schema.snapshot import SourceSnapshot

if TYPE_CHECKING:
    from ops.api.rest.metrics import Figures

_LABELS = ("process", "source")


def _sources(read: Callable[[SourceSnapshot], float]) -> Callable[[Figures], Iterable[Sample]]:
    return lambda f: [
        ((p.process_id, name), read(one)) for p in f.processes if p.runs for name, one in p.runs.sources.items()
    ]


SOURCE_METRICS = (
    Declared(
        *(CounterMetricFamily, "newar_source_polls", "looks at a source's runs that came to their end", _LABELS),
        _sources(lambda s: s.polls),
    ),
    Declared(
        *(CounterMetricFamily, "newar_source_failures", "turns of a source that failed, or were refused", _LABELS),
        _sources(lambda s: s.failures),
    ),
    Declared(
        *(GaugeMetricFamily, "newar_source_trouble", "1: its last turn failed, or it does not answer", _LABELS),
        _sources(lambda s: float(bool(s.trouble or s.silence))),
    ),
)
