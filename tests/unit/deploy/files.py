"""Where the files under test are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # its types are a package of their own
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "ops" / "deploy"


def read_yaml(path: Path) -> dict[str, Any]:
    return parse_yaml(path.read_text("utf-8"))


def parse_yaml(text: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def locked(lock: str) -> dict[str, str]:
    """Return the versions that a lock file gives this Python and this platform."""
    lines = re.findall(r"^(\w.*?) \\$", (ROOT / lock).read_text("utf-8"), re.MULTILINE)
    pins = [pin for pin in map(Requirement, lines) if pin.marker is None or pin.marker.evaluate()]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in pins}
