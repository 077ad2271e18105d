"""What is put on a machine without containers: systemd units, `.env.example`."""

from __future__ import annotations

import re
from configparser import RawConfigParser
from pathlib import Path

import pytest
from dotenv import dotenv_values

from ops.settings.by_service import SERVICES
from ops.settings.ignored_names import known_names
from schema.runtime.settings import load, setting_name
from tests.unit.deploy.files import DEPLOY, ROOT

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
EXAMPLE = ROOT / ".env.example"
OF_COMPOSE = {"POSTGRES_PASSWORD", "COMPOSE_FILE", "GRAFANA_ADMIN_PASSWORD"}


def unit(path: Path) -> RawConfigParser:
    parser = RawConfigParser(strict=True, delimiters=("=",))
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # keys as they are written
    parser.read(path, "utf-8")
    return parser


def test_every_service_has_a_unit() -> None:
    commands = {unit(path)["Service"]["ExecStart"].removeprefix("/opt/newar/bin/newar ") for path in UNITS}
    assert commands == {*SERVICES, "migrate"}


@pytest.mark.parametrize("path", [p for p in UNITS if "migrate" not in p.name], ids=lambda p: p.name)
def test_a_unit_gives_its_service_time_to_stop(path: Path) -> None:
    service = unit(path)["Service"]
    [command] = re.findall(r"newar (\w+)", service["ExecStart"])
    drain_ms = SERVICES[command].model_fields["drain_timeout_ms"].default
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > drain_ms / 1000 + 10


@pytest.mark.parametrize("path", [p for p in UNITS if "migrate" not in p.name], ids=lambda p: p.name)
def test_a_unit_is_restarted_however_often_but_not_with_wrong_settings(path: Path) -> None:
    service = unit(path)["Service"]
    assert service["Restart"] == "always"
    assert unit(path)["Unit"]["StartLimitIntervalSec"] == "0"
    assert service["RestartPreventExitStatus"] == "2"
    assert service["User"] != "root"


def test_the_example_names_only_settings_that_exist() -> None:
    text = EXAMPLE.read_text("utf-8")
    named = re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE)
    assert len(named) == len(set(named))
    assert set(named) <= known_names() | OF_COMPOSE


def test_the_example_shows_the_defaults_as_they_are() -> None:
    defaults = {
        setting_name(name): str(field.default)
        for kind in SERVICES.values()
        for name, field in kind.model_fields.items()
        if isinstance(field.default, int | str)
    }
    shown = dict(re.findall(r"^#([A-Z][A-Z0-9_]+)=(\S+)$", EXAMPLE.read_text("utf-8"), re.MULTILINE))
    asked_for = {"KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM"}
    compared = {name: value for name, value in shown.items() if name in defaults and name not in asked_for}
    assert compared == {name: defaults[name] for name in compared}
    assert len(compared) > 8


def test_the_example_filled_in_is_accepted_by_every_service(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8")
    text = re.sub(r"^#(\w+_URL|KAFKA_BOOTSTRAP_SERVERS)=", r"\1=", text, flags=re.MULTILINE).replace("HOST", "host")
    text = text.replace("TOKEN_ENCRYPTION_KEY=", "TOKEN_ENCRYPTION_KEY=" + 43 * "A" + "=")
    file = tmp_path / ".env"
    file.write_text(text)
    assert dotenv_values(file)["TOKEN_ENCRYPTION_KEY"]
    for kind in SERVICES.values():
        load(kind, env_file=str(file))
