"""The Compose files: their services get exactly the settings that they read, and wait for what they need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from ops.access.provider.provider_settings import ProviderSettings
from ops.settings.by_service import BY_HAND, SERVICES
from ops.settings.ignored_names import warnings_about
from schema.runtime.old_names import OLD_NAMES
from schema.runtime.settings import LogDatabaseSettings, Settings, load, setting_name
from tests.unit.deploy.compose_files import FILES, MADE_UP, OWN_SERVERS, WHOLE, filled, services
from tests.unit.deploy.files import DEPLOY, ROOT, read_yaml

COMPOSE = read_yaml(WHOLE)
PARTS: dict[str, dict[str, Any]] = services(WHOLE)
OWN: dict[str, dict[str, Any]] = services(OWN_SERVERS)
BOTH = pytest.mark.parametrize("parts", [PARTS, OWN], ids=["compose.yaml", "compose.own-servers.yaml"])
SERVERS = {"valkey", "postgres", "redpanda"}
OURS: dict[str, type[Settings]] = {**SERVICES, "migrate": LogDatabaseSettings}
PROXY = {"HTTPS_PROXY", "NO_PROXY"}
"""Read by the connection pool as every program reads them."""


def names(kind: type[Settings]) -> set[str]:
    return {setting_name(field) for field in kind.model_fields}


def test_every_part_is_there_and_nothing_else() -> None:
    assert set(PARTS) == SERVERS | set(OURS) | {"cli"}
    assert set(OWN) == set(OURS) | {"cli"}


@BOTH
@pytest.mark.parametrize("service", OURS)
def test_a_service_gets_every_setting_that_it_reads_and_no_other(parts: Any, service: str) -> None:
    allowed = PROXY if service in ("sender", "api") else set()
    assert set(parts[service]["environment"]) - allowed == names(OURS[service])


@BOTH
@pytest.mark.parametrize("service", OURS)
def test_the_settings_of_a_service_can_be_loaded(parts: Any, service: str) -> None:
    given = {name: text for name, value in parts[service]["environment"].items() if (text := filled(value, MADE_UP))}
    kind = OURS[service]
    values = {field: given[name] for field in kind.model_fields if (name := setting_name(field)) in given}
    load(kind, env_file=None, **values)


@BOTH
def test_commands_by_hand_get_the_settings_of_all_services(parts: Any) -> None:
    settings = {name for kind in [*OURS.values(), *BY_HAND.values()] for name in names(kind)}
    of_serving = {"API_HOST", "API_PORT", "ADMIN_TOKEN", "VIEWER_TOKEN", "SESSION_IDLE_MS", "SESSION_MS"}
    of_serving |= {"API_REQUESTS_PER_SECOND", "TRUSTED_PROXIES", "METRICS_PAGES", "SUBMIT_MAX_BYTES"}
    of_serving |= names(ProviderSettings)
    assert set(parts["cli"]["environment"]) - PROXY == settings - of_serving
    assert parts["cli"]["profiles"] == ["cli"]


@pytest.mark.parametrize(
    ("old", "new", "service"),
    [
        ("SUPABASE_DB_URL", "SOURCE_DATABASE_URL", "runs"),
        ("FACEBOOK_GRAPH_API_VERSION", "GRAPH_API_VERSION", "sender"),
        ("CIRCUIT_BREAKER_TIMEOUT_MS", "CIRCUIT_BREAKER_COOLDOWN_MS", "sender"),
    ],
)
def test_old_names_of_one_setting_reach_the_services_behind_the_new_one(old: str, new: str, service: str) -> None:
    assert OLD_NAMES[old].new == new
    value = PARTS[service]["environment"][new]
    assert filled(value, {old: "a"}) == "a"
    assert filled(value, {old: "a", new: "b"}) == "b"
    assert filled(value, {}) == ""


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_asked_for_its_health_by_its_own_name(service: str) -> None:
    assert PARTS[service]["command"] == [service]
    assert PARTS[service]["healthcheck"]["test"] == ["CMD", "newar", "health", service]


@pytest.mark.parametrize("service", sorted(SERVERS))
def test_a_server_has_a_health_check_and_keeps_its_data(service: str) -> None:
    assert PARTS[service]["healthcheck"]["test"]
    [volume] = PARTS[service]["volumes"]
    assert volume.split(":")[0] in COMPOSE["volumes"]


def test_whoever_needs_a_server_waits_until_it_is_healthy() -> None:
    needs = {
        "REDIS_URL": ("valkey", "service_healthy"),
        "KAFKA_BOOTSTRAP_SERVERS": ("redpanda", "service_healthy"),
        "LOG_DATABASE_URL": ("migrate", "service_completed_successfully"),
    }
    for service in SERVICES:
        waits = {part: how["condition"] for part, how in PARTS[service]["depends_on"].items()}
        wanted = dict(needs[name] for name in PARTS[service]["environment"] if name in needs)
        if service == "api":  # it answers without the broker, and says that it is away
            del wanted["redpanda"]
        assert waits == wanted
    assert PARTS["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_redis_keeps_what_it_acknowledged_and_evicts_nothing() -> None:
    command = PARTS["valkey"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "always"
    assert options["--maxmemory-policy"] == "noeviction"


def test_the_broker_acknowledges_only_what_is_on_its_disk() -> None:
    command = PARTS["redpanda"]["command"]
    assert "--unsafe-bypass-fsync=0" in command
    assert not [part for part in command if "dev-container" in part]


@pytest.mark.parametrize("service", SERVICES)
def test_stopping_waits_longer_than_the_drain_and_the_last_settlements(service: str) -> None:
    drain_ms = OURS[service].model_fields["drain_timeout_ms"].default
    grace = PARTS[service]["stop_grace_period"]
    assert grace.endswith("s")
    assert float(grace[:-1]) > drain_ms / 1000 + 10


def test_names_that_compose_takes_from_the_env_file_are_no_mistakes_in_it() -> None:
    named = {name for file in FILES for name in re.findall(r"\$\{([A-Z_]+)", file.read_text())}
    passed_on = {
        name for part in PARTS.values() for name, value in (part.get("environment") or {}).items() if not value
    }
    assert warnings_about([], named | passed_on | {"COMPOSE_FILE"}) == []


def test_a_fresh_copy_of_the_sample_has_no_mistake() -> None:
    assert warnings_about([], dotenv_values(ROOT / ".env.example")) == []


def test_senders_and_ingests_can_be_scaled() -> None:
    for service in ("sender", "ingest", "runs"):
        assert "container_name" not in PARTS[service]
        assert "ports" not in PARTS[service]


def test_only_the_http_service_can_be_reached_and_from_this_machine_alone() -> None:
    published = {service: part["ports"] for service, part in PARTS.items() if "ports" in part}
    assert published == {"api": ["127.0.0.1:${API_PORT:-${PORT:-3100}}:3100"]}


def test_the_http_service_does_not_start_without_tokens() -> None:
    environment = PARTS["api"]["environment"]
    assert environment["ADMIN_TOKEN"].startswith("${ADMIN_TOKEN:?")
    assert environment["VIEWER_TOKEN"].startswith("${VIEWER_TOKEN:?")


def test_the_image_is_built_from_the_dockerfile_once_and_never_pulled() -> None:
    build = PARTS["migrate"]["build"]
    context = DEPLOY / build["context"]  # Compose takes it from the folder of the file that says it
    assert context.resolve() == ROOT
    assert (context / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    assert {PARTS[service]["image"] for service in OURS} == {"newar:local"}
    assert {PARTS[service]["pull_policy"] for service in [*OURS, "cli"]} == {"never"}


def test_with_own_servers_all_their_addresses_are_asked_for_and_nothing_of_the_others() -> None:
    text = OWN_SERVERS.read_text()
    assert set(re.findall(r"\$\{([A-Z_]+):\?", text)) == {"REDIS_URL", "LOG_DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"}
    assert "POSTGRES_PASSWORD" not in text
    waits = {service: part.get("depends_on", {}) for service, part in OWN.items()}
    migrated = {"migrate": {"condition": "service_completed_successfully"}}
    assert waits == {part: migrated if part in ("runs", "ingest", "api") else {} for part in OWN}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_must_be_set_is_asked_for_by_a_line_that_says_where_and_how(file: Path) -> None:
    asked = re.findall(r"\$\{[A-Z_]+:\?([^}]*)", file.read_text())
    assert all(re.match(r"set it in \.env, as \.env\.example says; \S", text) for text in asked)
