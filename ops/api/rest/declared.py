"""What a metric is declared as."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from ops.api.rest.metrics import Figures

Sample = tuple[tuple[str, ...], float]
"""Label values and value."""


@dataclass(frozen=True)
class Declared:
    """A metric. The name of a counter gets `_total` when it is encoded."""

    family: type[GaugeMetricFamily | CounterMetricFamily]
    name: str
    says: str
    labels: tuple[str, ...]
    samples: Callable[[Figures], Iterable[Sample]]
