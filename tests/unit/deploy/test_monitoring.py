"""Alerts and dashboard: every metric that they name is one that the HTTP service has."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from prometheus_client.core import CounterMetricFamily

from ops.api.rest.latency_metric import LATENCY
from ops.api.rest.metrics import DECLARED
from tests.unit.deploy.files import DEPLOY, read_yaml

LABELS = {
    f"{d.name}_total" if d.family is CounterMetricFamily else d.name: set(d.labels) | {"job", "instance"}
    for d in DECLARED
}
"""Metric as Prometheus stores it -> its labels."""
LABELS[f"{LATENCY}_bucket"] = {"process", "le", "job", "instance"}

RULES = [rule for group in read_yaml(DEPLOY / "prometheus" / "newar.rules.yml")["groups"] for rule in group["rules"]]
BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "newar.json").read_text("utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERIES = [rule["expr"] for rule in RULES] + [t["expr"] for panel in PANELS for t in panel["targets"]]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_metrics_and_labels_that_exist(query: str) -> None:
    for name, matchers in re.findall(r"(newar_\w+)(?:\{([^}]*)\})?", query):
        assert name in LABELS
        assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)) <= LABELS[name]
    for grouping in re.findall(r"\bby \(([^)]*)\)", query):
        wanted = {label.strip() for label in grouping.split(",")}
        assert any(wanted <= LABELS[name] for name in re.findall(r"newar_\w+", query))


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name for panel in PANELS for t in panel["targets"] for name in re.findall(r"newar_\w+", t["expr"])}
    assert shown == set(LABELS)


def test_every_alert_says_what_it_means_and_how_urgent_it_is() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"].keys() == {"summary", "description"}


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    cells: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not mine & cells
        assert all(x < 24 for x, _ in mine)
        cells |= mine


def test_prometheus_loads_the_rules_and_asks_where_metrics_are() -> None:
    config = read_yaml(DEPLOY / "prometheus" / "prometheus.yml")
    assert config["rule_files"] == ["newar.rules.yml"]
    [job] = config["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("newar", "/metrics")
    assert job["authorization"]["type"] == "Bearer"
