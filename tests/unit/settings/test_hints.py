"""What errors and the doctor say to write can be written so: each hint is pasted, and taken."""

from __future__ import annotations

import subprocess

import pytest

from ops.settings.by_service import BY_HAND, SERVICES
from ops.settings.checked import read
from schema.runtime.settings import Settings, SettingsError, setting_name
from tests.unit.command_line import CommandLine

KINDS: dict[str, type[Settings]] = {**SERVICES, **BY_HAND}
HINTS = [
    (service, field) for service, kind in KINDS.items() for field, info in kind.model_fields.items() if info.examples
]


def problems(kind: type[Settings], name: str) -> list[str]:
    """Return what is said of one setting."""
    try:
        read(kind)
    except SettingsError as exc:
        return [problem for problem in exc.problems if problem.startswith((f"{name}:", f"{name} "))]
    return []


@pytest.mark.parametrize(("service", "field"), HINTS)
def test_a_hint_that_is_pasted_is_taken(newar: CommandLine, service: str, field: str) -> None:
    kind, name = KINDS[service], setting_name(field)
    newar.set(RUN_WEBHOOK_SECRET=f"whsec_{43 * 'A'}=")  # which RUN_WEBHOOK_URL needs
    newar.file(".env", f"{name}=?!")  # a last line without an end, as editors leave it
    said = (problems(kind, name) or [f"; write for example {name}={kind.model_fields[field].examples[0]}"])[0]  # type: ignore[index]  # all here have one
    if "; add one with: " in said:
        command = said.partition("; add one with: ")[2]
        subprocess.run(["/bin/sh", "-c", command], cwd=newar.folder, check=True, capture_output=True)
    else:
        newar.file(".env", said.partition("; write for example ")[2] + "\n")
    assert problems(kind, name) == []


def test_there_are_hints_of_both_kinds() -> None:
    assert {("sender", "token_encryption_key"), ("sender", "redis_url"), ("runs", "run_webhook_url")} <= set(HINTS)
