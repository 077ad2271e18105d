"""Beside the Kubernetes base: scaling by what waits, scraping, alerts; and the whole as kustomize builds it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tests.unit.deploy.files import DEPLOY, ROOT, read_yaml
from tests.unit.deploy.kubernetes_files import EXAMPLE, KUBERNETES, built, objects, of_kind, parsed
from tests.unit.deploy.test_monitoring import LABELS

BASE = objects(KUBERNETES / "base")
[SCALED] = objects(KUBERNETES / "autoscaling")
[SCRAPED] = objects(KUBERNETES / "monitoring")


def test_senders_are_scaled_by_the_age_of_what_may_go() -> None:
    assert SCALED["spec"]["scaleTargetRef"]["name"] in of_kind("Deployment", BASE)
    [trigger] = SCALED["spec"]["triggers"]
    named = set(re.findall(r"newar_\w+", trigger["metadata"]["query"]))
    assert "newar_queue_oldest_claimable_age_seconds" in named
    assert named <= LABELS.keys()


def test_without_figures_the_number_of_senders_stays_and_it_never_falls_to_none() -> None:
    assert SCALED["spec"]["triggers"][0]["metadata"]["ignoreNullValues"] == "false"
    assert SCALED["spec"]["minReplicaCount"] >= 1


def test_what_is_scraped_is_the_http_service_by_its_token_and_under_the_name_of_the_alerts() -> None:
    [service] = of_kind("Service", BASE).values()
    assert SCRAPED["spec"]["selector"]["matchLabels"] == service["metadata"]["labels"]
    [endpoint] = SCRAPED["spec"]["endpoints"]
    [job] = read_yaml(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]
    assert endpoint["port"] == service["spec"]["ports"][0]["name"]
    assert endpoint["path"] == job["metrics_path"]
    assert endpoint["authorization"]["credentials"] == {"name": "newar-secrets", "key": "VIEWER_TOKEN"}
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": job["job_name"]}]


def test_the_command_of_the_page_makes_an_object_of_the_alerts(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text("utf-8")
    [command] = re.findall(r"^    (\(printf .*\n.*newar\.rules\.yml\)) > \S+$", page, re.MULTILINE)
    said = subprocess.run(["sh", "-c", command], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S607
    [rule] = parsed(said.stdout)
    assert (rule["apiVersion"], rule["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert rule["spec"] == read_yaml(DEPLOY / "prometheus" / "newar.rules.yml")


def test_kustomize_builds_the_example() -> None:
    made = built(EXAMPLE)
    assert {(one["kind"], one["metadata"]["name"]) for one in BASE} <= {
        (one["kind"], one["metadata"]["name"]) for one in made
    }
    [settings], [secrets] = of_kind("ConfigMap", made), of_kind("Secret", made)
    for deployment in of_kind("Deployment", made).values():
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        assert container["envFrom"] == [{"configMapRef": {"name": settings}}]
        assert {e["valueFrom"]["secretKeyRef"]["name"] for e in container["env"] if "valueFrom" in e} == {secrets}
        assert container["image"] == "registry.example.com/newar:0.1.0"


def test_kustomize_adds_scaling_and_scraping(tmp_path: Path) -> None:
    whole = tmp_path / "kubernetes"
    shutil.copytree(KUBERNETES, whole)
    shutil.copytree(whole / "example", whole / "mine")
    file = whole / "mine" / "kustomization.yaml"
    file.write_text(re.sub("components: .*", "components: [../monitoring, ../autoscaling]", file.read_text()))
    made = built(whole / "mine")
    deployments = of_kind("Deployment", made)
    assert [name for name, one in deployments.items() if "replicas" not in one["spec"]] == ["newar-sender"]
    [monitor], [secrets] = of_kind("ServiceMonitor", made).values(), of_kind("Secret", made)
    assert monitor["spec"]["endpoints"][0]["authorization"]["credentials"]["name"] == secrets
    assert len(of_kind("ScaledObject", made)) == 1
