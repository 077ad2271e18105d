"""The Kubernetes files: read as they are, or built by kustomize where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from tests.unit.deploy.files import DEPLOY, read_yaml

KUBERNETES = DEPLOY / "kubernetes"
EXAMPLE = KUBERNETES / "example"

Object = dict[str, Any]


def objects(folder: Path) -> list[Object]:
    """Return what the files in this folder describe."""
    names = read_yaml(folder / "kustomization.yaml")["resources"]
    return [found for name in names for found in parsed((folder / name).read_text("utf-8"))]


def of_kind(kind: str, found: list[Object]) -> dict[str, Object]:
    """Return the objects of a kind by their names."""
    return {one["metadata"]["name"]: one for one in found if one["kind"] == kind}


def parsed(text: str) -> list[Object]:
    return list(yaml.safe_load_all(text))


def env_file(path: Path) -> tuple[dict[str, str], set[str]]:
    """Return the values that a file for a generator gives, and the names that stand there as comments."""
    text = path.read_text("utf-8")
    given = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    return given, set(re.findall(r"^#([A-Z_]+)=", text, re.MULTILINE))


def built(folder: Path) -> list[Object]:
    """Return what kustomize makes of a folder; without kubectl or kustomize the test is skipped."""
    if kustomize := shutil.which("kustomize"):
        command = [kustomize, "build"]
    elif kubectl := shutil.which("kubectl"):
        command = [kubectl, "kustomize"]
    else:
        pytest.skip("neither kustomize nor kubectl is here")
    made = subprocess.run([*command, folder], check=True, capture_output=True, text=True)
    assert not made.stderr
    return parsed(made.stdout)
