"""Prometheus and Grafana by Compose: they ask the right service, with its token, and are not open to others."""

from __future__ import annotations

import re
from typing import Any

from tests.unit.deploy.compose_files import MONITORING, WHOLE, services
from tests.unit.deploy.files import DEPLOY, ROOT, parse_yaml, read_yaml

COMPOSE = read_yaml(MONITORING)
PARTS = services(MONITORING)


def mounted(part: str) -> dict[str, Any]:
    """Return what stands at each path of a container: the content of a config, else where it comes from."""
    found: dict[str, Any] = {
        config["target"]: parse_yaml(COMPOSE["configs"][config["source"]]["content"])
        for config in PARTS[part]["configs"]
    }
    return found | {target: source for source, target, *_ in (v.split(":") for v in PARTS[part]["volumes"])}


def test_prometheus_is_set_as_the_file_for_other_machines_says_but_for_the_address() -> None:
    config = mounted("prometheus")["/etc/prometheus/prometheus.yml"]
    [job] = config["scrape_configs"]
    [asked] = job["static_configs"][0]["targets"]
    service, port = asked.split(":")
    assert services(WHOLE)[service]["environment"]["API_PORT"] == port
    elsewhere = read_yaml(DEPLOY / "prometheus" / "prometheus.yml")
    job["static_configs"] = elsewhere["scrape_configs"][0]["static_configs"]
    assert config == elsewhere


def test_rules_and_token_lie_where_prometheus_looks_for_them() -> None:
    rules = mounted("prometheus")["/etc/prometheus/newar.rules.yml"]
    assert (ROOT / rules).resolve() == DEPLOY / "prometheus" / "newar.rules.yml"
    [secret] = PARTS["prometheus"]["secrets"]
    assert secret["target"] == "/etc/prometheus/newar-viewer-token"
    assert COMPOSE["secrets"][secret["source"]] == {"environment": "VIEWER_TOKEN"}


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    files = mounted("grafana")
    [source] = files["/etc/grafana/provisioning/datasources/newar.yaml"]["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    [provider] = files["/etc/grafana/provisioning/dashboards/newar.yaml"]["providers"]
    folder = ROOT / files[provider["options"]["path"]]
    home = PARTS["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (folder / home.removeprefix(provider["options"]["path"] + "/")).is_file()


def test_both_are_reached_from_this_machine_alone_and_grafana_with_a_password() -> None:
    ports = [port for part in PARTS.values() for port in part["ports"]]
    assert len(ports) == len(PARTS)
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert PARTS["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_ADMIN_PASSWORD:?")


def test_an_image_is_named_by_its_whole_version() -> None:
    assert all(re.search(r":v?\d+\.\d+\.\d+$", part["image"]) for part in PARTS.values())


def test_it_stands_beside_the_other_files_without_changing_them() -> None:
    assert not PARTS.keys() & services(WHOLE).keys()
    assert "name" not in COMPOSE
