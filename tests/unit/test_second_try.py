"""What failed once beside others and passes alone is green, and named; everything else stays red."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.second_try import MOST, verdict

ROOT = Path(__file__).parents[2]
FLAKY = """
import os
from pathlib import Path

import pytest

def first(what):
    try:
        Path(what).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True

@pytest.mark.parametrize("text", ["a b[c]::d/\\u00e9 'x' $HOME"])
def test_call(text):
    assert not first("call"), "the first time"

@pytest.fixture
def hasty():
    yield
    assert not first("teardown"), "too early"

def test_teardown(hasty):
    pass

def test_crash():
    if first("crash"):
        os._exit(9)

def test_good():
    pass
"""
BAD = "def test_bad(): assert False"
BROKEN = "import nothing_of_this_name"


def run(folder: Path, *more: str, **files: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    plugins = ["-p", "xdist", "-n", "2", "--dist", "loadfile", "-p", "tests.second_try"]
    command = [sys.executable, "-m", "pytest", "--color=no", *plugins, *more]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "FORCE_COLOR": "1"}
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        env.pop(name, None)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_passing_alone_is_green_and_named() -> None:
    assert verdict(["a", "b[x y]"], {"a": True, "b[x y]": True}) == (True, ["flaky: a", "flaky: b[x y]"])


def test_a_second_failure_is_red() -> None:
    assert verdict(["a", "b"], {"a": True, "b": False}) == (False, ["flaky: a", "failed twice: b"])


def test_many_failures_are_red_without_a_second_try() -> None:
    failed = [str(n) for n in range(MOST + 1)]
    assert verdict(failed, {}) == (False, ["no second try: 4 tests failed, more than 3"])
    assert verdict(failed[1:], dict.fromkeys(failed, True))[0]


def test_failures_of_the_first_time_only_end_green_and_are_the_last_words(tmp_path: Path) -> None:
    ended = run(tmp_path, test_flaky=FLAKY)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    *lines, closing = ended.stdout.splitlines()
    assert sorted(lines[-3:]) == [
        "flaky: test_flaky.py::test_call[a b[c]::d/\\xe9 'x' $HOME]",
        "flaky: test_flaky.py::test_crash",
        "flaky: test_flaky.py::test_teardown",
    ]
    assert " 3 flaky" in closing
    assert "failed" not in closing
    assert "too early" in ended.stdout


def test_a_test_that_fails_again_is_red(tmp_path: Path) -> None:
    ended = run(tmp_path, test_bad=BAD)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    *lines, closing = ended.stdout.splitlines()
    assert lines[-1] == "failed twice: test_bad.py::test_bad"
    assert "1 failed" in closing


def test_what_cannot_be_collected_is_red_at_once(tmp_path: Path) -> None:
    ended = run(tmp_path, test_bad=BAD, test_broken=BROKEN)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert "failed twice" not in ended.stdout
    assert "1 failed, 1 error" in ended.stdout.splitlines()[-1]


def test_an_internal_error_is_red_at_once(tmp_path: Path) -> None:
    ended = run(tmp_path, test_bad=BAD, conftest="def pytest_runtest_logfinish(): raise SystemError")
    assert ended.returncode == pytest.ExitCode.INTERNAL_ERROR
    assert "failed twice" not in ended.stdout
    assert "1 failed" in ended.stdout.splitlines()[-1]


CRASH = """
import os, pathlib

def test_crash():
    if not pathlib.Path("crashed").exists():
        pathlib.Path("crashed").touch()
        os._exit(1)
"""


def test_tests_that_died_with_their_workers_are_not_forgotten(tmp_path: Path) -> None:
    slow = "import time\n\ndef test_slow():\n    time.sleep(1)\n    assert False"
    ended = run(tmp_path, "-n", "1", "--max-worker-restart", "0", test_a=CRASH, test_b=slow, test_c=slow)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    assert "no second try" in ended.stdout
