"""The Dockerfile: what it copies exists, and it ends as a user without rights."""

from __future__ import annotations

import json
import re

from tests.unit.deploy.files import DEPLOY, ROOT

LINES = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
INSTRUCTIONS = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]


def values(name: str) -> list[str]:
    return [rest for instruction, rest in INSTRUCTIONS if instruction == name]


def test_both_stages_have_a_python_that_the_project_runs_on() -> None:
    assert [value.split()[0] for value in values("FROM")] == ["python:3.13-slim", "python:3.13-slim"]


def test_what_is_copied_exists_and_reaches_the_builder() -> None:
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    copied = [name for value in values("COPY") if "--from" not in value for name in value.split()[:-1]]
    assert {"schema", "sender", "ingest", "ops", "requirements.lock"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in allowed


def test_all_is_installed_from_the_lock_file() -> None:
    installs = [value for value in values("RUN") if " install " in value]
    locked, project = [value.partition(" install ")[2].split() for value in installs]
    assert locked == ["--require-hashes", "--requirement", "requirements.lock"]
    assert project == ["--no-deps", "--no-build-isolation", "."]


def test_the_services_do_not_run_as_root() -> None:
    last = [name for name, _ in INSTRUCTIONS].index("ENTRYPOINT")
    users = [value for name, value in INSTRUCTIONS[:last] if name == "USER"]
    assert re.fullmatch(r"[1-9]\d+", users[-1])


def test_signals_reach_the_process_itself() -> None:
    [entrypoint] = values("ENTRYPOINT")
    assert json.loads(entrypoint) == ["newar"]


def test_health_is_asked_of_the_service_itself() -> None:
    [check] = values("HEALTHCHECK")
    assert "newar health" in check
