"""The scripts for cron: called by their path with no environment, they find program and settings, and say one line."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.unit.deploy.files import ROOT

SCRIPTS = {
    "create-future-partitions.sh": "partitions ensure",
    "cleanup-old-logs.sh": "partitions drop",
    "run-migrations.sh": "migrate",
}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout of which only the scripts are there, in a folder with a space."""
    made = tmp_path / "some where" / "newar"
    shutil.copytree(ROOT / "ops" / "scripts", made / "ops" / "scripts")
    return made


def stand_in(path: Path, exit_code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "in $PWD: $*"\necho "by $0" >&2\nexit {exit_code}\n')
    path.chmod(0o700)
    return path


def call(script: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Call it as cron does: from elsewhere, with this environment alone."""
    return subprocess.run([script, *arguments], cwd="/", env=env, capture_output=True, text=True, check=False)


def test_these_are_the_scripts_and_they_may_be_run() -> None:
    found = list((ROOT / "ops" / "scripts").glob("*.sh"))
    assert {path.name for path in found} == set(SCRIPTS)
    assert all(path.stat().st_mode & stat.S_IXUSR for path in found)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_calls_its_command_in_the_project_and_says_one_line(project: Path, name: str) -> None:
    newar = stand_in(project / ".venv/bin/newar")
    done = call(project / "ops/scripts" / name)
    said = f"{name.removesuffix('.sh')}: in {project}: {SCRIPTS[name]}; by {newar}"
    assert re.fullmatch(f"{TIME} {re.escape(said)}\n", done.stdout)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_number_goes_to_the_command(project: Path) -> None:
    stand_in(project / ".venv/bin/newar")
    assert ": partitions ensure --days 30; by" in call(project / "ops/scripts/create-future-partitions.sh", "30").stdout
    assert ": partitions drop --keep-days 7; by" in call(project / "ops/scripts/cleanup-old-logs.sh", "7").stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_failure_is_said_on_stderr_and_in_the_exit_code(project: Path, name: str) -> None:
    newar = stand_in(project / "program", exit_code=7)
    done = call(project / "ops/scripts" / name, NEWAR=str(newar))
    assert (done.returncode, done.stdout) == (7, "")
    assert re.fullmatch(f"{TIME} [a-z-]+: failed with exit code 7: in [^\n]*; by [^\n]*\n", done.stderr)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *((name, wrong) for name in ("create-future-partitions.sh", "cleanup-old-logs.sh") for wrong in (
            ["0"], ["-1"], ["x"], ["7", "8"], [""], ["07"], ["7d"], ["7;reboot"], ["7 8"], ["99999999999999999999"],
        )),
        ("create-future-partitions.sh", ["367"]),
        ("cleanup-old-logs.sh", ["3651"]),
        ("run-migrations.sh", ["7"]),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_answered_by_the_usage(project: Path, name: str, wrong: list[str]) -> None:
    stand_in(project / ".venv/bin/newar")
    done = call(project / "ops/scripts" / name, *wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"usage: {name.removesuffix('.sh')} ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("place", ["newar/.venv", "newar/venv", ".venv", "venv", "path", "home/.local"])
def test_the_program_is_found_where_it_may_be_installed(project: Path, place: str) -> None:
    beside = project.parent
    newar = stand_in(beside / place / "bin/newar")
    env = {"PATH": f"{beside}/path/bin:/usr/bin:/bin", "HOME": str(beside / "home")}
    said = call(project / "ops/scripts/run-migrations.sh", **env).stdout
    assert Path(said.strip().rpartition("; by ")[2]).resolve() == newar


def test_what_newar_names_comes_first_and_must_be_there(project: Path) -> None:
    stand_in(project / ".venv/bin/newar")
    other = stand_in(project / "other")
    script = project / "ops/scripts/run-migrations.sh"
    assert call(script, NEWAR=str(other)).stdout.endswith(f"; by {other}\n")
    missing = call(script, NEWAR="/no/such")
    assert (missing.returncode, "NEWAR names /no/such, which is no program" in missing.stderr) == (1, True)


def test_a_link_to_a_script_does_the_same(project: Path) -> None:
    stand_in(project / ".venv/bin/newar")
    daily = project.parent / "cron.daily"
    daily.mkdir()
    (daily / "newar-cleanup").symlink_to(project / "ops/scripts/cleanup-old-logs.sh")
    assert f" newar-cleanup: in {project}: partitions drop; by " in call(daily / "newar-cleanup").stdout
