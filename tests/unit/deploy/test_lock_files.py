"""The lock files: whole, of one mind, and up to date with pyproject.toml; the image's has no tools in it."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.unit.deploy.files import ROOT, locked

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
GROUPS: dict[str, list[str]] = PROJECT["dependency-groups"]
RUN: list[str] = [*PROJECT["project"]["dependencies"], *GROUPS["build"]]
LOCAL: list[str] = PROJECT["project"]["optional-dependencies"]["local"]
TRACES: list[str] = PROJECT["project"]["optional-dependencies"]["traces"]
WANTED = {
    "requirements.lock": RUN,
    "requirements-local.lock": [*RUN, *LOCAL],
    "requirements-dev.lock": [*RUN, *LOCAL, *TRACES, *GROUPS["test"], *GROUPS["lint"]],
}


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_file_has_what_is_asked_for(lock: str) -> None:
    pins = locked(lock)
    for asked in map(Requirement, WANTED[lock]):
        assert asked.specifier.contains(pins[asked.name]), asked


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_file_has_hashes_and_says_not_where_packages_come_from(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8").replace("\\\n", "")
    pins = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in pins if not re.search(r"==.* --hash=sha256:[0-9a-f]{64}", line)] == []
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.parametrize("part", ["requirements.lock", "requirements-local.lock"])
def test_what_is_tested_is_what_runs(part: str) -> None:
    assert locked(part).items() <= locked("requirements-dev.lock").items()


def test_the_image_gets_neither_local_servers_nor_tools() -> None:
    tools = {Requirement(asked).name for asked in [*LOCAL, *GROUPS["test"], *GROUPS["lint"]]}
    assert tools & locked("requirements.lock").keys() == {"packaging"}  # the build backend's


def test_builds_run_with_the_locked_backend() -> None:
    assert GROUPS["build"] == PROJECT["build-system"]["requires"]
