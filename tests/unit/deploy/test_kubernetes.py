"""The Kubernetes base: each service gets its settings and no secrets of others, stops in time and holds up no node."""

from __future__ import annotations

import re
from typing import Any

import kubernetes_validate
import pytest

from ops.api.door.who_asks import OPEN_TO_ALL
from ops.settings.by_service import SERVICES
from ops.settings.ignored_names import known_names
from schema.runtime.settings import Settings, load, setting_name
from tests.unit.deploy.compose_files import MADE_UP
from tests.unit.deploy.files import DEPLOY
from tests.unit.deploy.kubernetes_files import EXAMPLE, KUBERNETES, Object, env_file, objects, of_kind

BASE = objects(KUBERNETES / "base")
DEPLOYMENTS = of_kind("Deployment", BASE)
EVERY_POD = pytest.mark.parametrize("service", SERVICES)


def pod(service: str) -> Object:
    template: Object = DEPLOYMENTS[f"newar-{service}"]["spec"]["template"]
    return template


def main(service: str) -> Object:
    [container] = pod(service)["spec"]["containers"]
    found: Object = container
    return found


def all_containers(service: str) -> list[Object]:
    spec = pod(service)["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def secrets_of(kind: type[Settings]) -> set[str]:
    return {setting_name(name) for name, field in kind.model_fields.items() if "SecretStr" in str(field.annotation)}


def from_secrets(container: Object) -> dict[str, bool]:
    """Return the names that a container gets from the Secret, and whether it starts without them."""
    refs = {e["name"]: e["valueFrom"]["secretKeyRef"] for e in container["env"] if "valueFrom" in e}
    assert all((ref["name"], ref["key"]) == ("newar-secrets", name) for name, ref in refs.items())
    return {name: ref.get("optional", False) for name, ref in refs.items()}


def test_every_service_is_there_with_a_disruption_budget() -> None:
    assert set(DEPLOYMENTS) == {f"newar-{service}" for service in SERVICES}
    assert set(of_kind("PodDisruptionBudget", BASE)) == set(DEPLOYMENTS)


@EVERY_POD
def test_a_service_gets_the_secrets_that_it_reads_and_no_others(service: str) -> None:
    assert set(from_secrets(main(service))) == secrets_of(SERVICES[service])
    assert main(service)["envFrom"] == [{"configMapRef": {"name": "newar-settings"}}]


@EVERY_POD
def test_the_example_gives_every_service_what_it_needs(service: str) -> None:
    secrets, _ = env_file(EXAMPLE / "secrets.env")
    settings, _ = env_file(EXAMPLE / "settings.env")
    container = main(service)
    wanted = from_secrets(container)
    assert {name for name, optional in wanted.items() if not optional} <= set(secrets)
    written = {e["name"]: e["value"] for e in container["env"] if "value" in e}
    secret = {name: value or MADE_UP[name] for name, value in secrets.items() if name in wanted}
    given = {**settings, **secret, **written}
    kind = SERVICES[service]
    load(kind, env_file=None, **{f: given[n] for f in kind.model_fields if (n := setting_name(f)) in given})


def test_the_example_names_settings_that_exist_and_keeps_secrets_apart() -> None:
    secret = {name for kind in SERVICES.values() for name in secrets_of(kind)}
    settings = set().union(*env_file(EXAMPLE / "settings.env"))
    assert settings <= known_names() - secret
    assert set().union(*env_file(EXAMPLE / "secrets.env")) <= secret


def test_all_that_look_into_the_log_database_bring_it_up_to_date_first() -> None:
    for service, kind in SERVICES.items():
        inits = pod(service)["spec"].get("initContainers", [])
        needs = "log_database_url" in kind.model_fields
        assert [init["args"] for init in inits] == ([["migrate"]] if needs else [])
        assert all(from_secrets(init) == {"LOG_DATABASE_URL": False} for init in inits)


def test_run_processors_of_two_releases_never_run_together() -> None:
    assert DEPLOYMENTS["newar-runs"]["spec"]["strategy"] == {"type": "Recreate"}


@EVERY_POD
def test_names_that_kubernetes_makes_of_other_services_are_not_read_as_settings(service: str) -> None:
    assert pod(service)["spec"]["enableServiceLinks"] is False


@EVERY_POD
def test_a_pod_may_do_nothing_that_it_does_not_need(service: str) -> None:
    [user] = re.findall(r"^USER (\d+)$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    spec = pod(service)["spec"]
    assert spec["securityContext"]["runAsUser"] == int(user)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    for container in all_containers(service):
        allowed = container["securityContext"]
        assert (allowed["readOnlyRootFilesystem"], allowed["allowPrivilegeEscalation"]) == (True, False)
        assert allowed["capabilities"] == {"drop": ["ALL"]}
        assert container["image"] == "newar"


@EVERY_POD
def test_stopping_waits_longer_than_the_drain_and_the_last_settlements(service: str) -> None:
    drain_s = SERVICES[service].model_fields["drain_timeout_ms"].default / 1000
    before = main(service).get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
    assert pod(service)["spec"]["terminationGracePeriodSeconds"] > drain_s + 10 + int(before[1])


@EVERY_POD
def test_a_service_is_asked_by_its_own_name_and_killed_for_nothing_that_others_lack(service: str) -> None:
    container = main(service)
    assert container["args"] == [service]
    if service == "api":
        for probe in ("readinessProbe", "livenessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["path"] == "/health/live"
            assert asked["path"] in OPEN_TO_ALL
    else:
        assert container["readinessProbe"]["exec"]["command"] == ["newar", "health", service]
        assert "livenessProbe" not in container
        assert "startupProbe" not in container


@EVERY_POD
def test_selectors_select_the_pods_of_one_service(service: str) -> None:
    labels = pod(service)["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] == service
    budget = of_kind("PodDisruptionBudget", BASE)[f"newar-{service}"]["spec"]
    assert budget["maxUnavailable"] >= 1  # a node can always be emptied
    for chosen in (budget["selector"], DEPLOYMENTS[f"newar-{service}"]["spec"]["selector"]):
        assert chosen == {"matchLabels": labels}
    for spread in pod(service)["spec"].get("topologySpreadConstraints", []):
        assert spread["labelSelector"] == {"matchLabels": labels}


def test_the_http_service_is_reached_where_it_listens() -> None:
    [service] = of_kind("Service", BASE).values()
    assert service["spec"]["selector"] == pod("api")["metadata"]["labels"]
    [port] = main("api")["ports"]
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    assert {"name": "API_PORT", "value": str(port["containerPort"])} in main("api")["env"]


@pytest.mark.parametrize("version", ["1.27", "1.34"])
@pytest.mark.parametrize("made", BASE, ids=lambda made: f"{made['kind']} {made['metadata']['name']}")
def test_kubernetes_knows_every_word(made: Any, version: str) -> None:
    kubernetes_validate.validate(made, version, strict=True)


def test_a_misspelt_word_would_be_noticed() -> None:
    wrong = {**BASE[0], "spec": {**BASE[0]["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.34", strict=True)
