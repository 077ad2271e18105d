"""The metrics of the local servers of `newar up`; they have no samples where there are none."""

from __future__ import annotations

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from ops.api.rest.declared import Declared

SERVER_METRICS = (
    Declared(
        GaugeMetricFamily,
        "newar_local_server_up",
        "1: this server of newar up answers, 0: it is being started again",
        ("server",),
        lambda f: [((name,), float(state.up)) for name, state in f.servers.items()],
    ),
    Declared(
        CounterMetricFamily,
        "newar_local_server_restarts",
        "times that this server of newar up ended by itself and was started again",
        ("server",),
        lambda f: [((name,), state.restarts) for name, state in f.servers.items()],
    ),
)
