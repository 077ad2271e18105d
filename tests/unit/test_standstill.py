"""A test that stands still ends and says where, whatever it waits in; those after it are run as if it had not been."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
INI = "[pytest]\ntrio_mode = true\ntimeout = 0.3\nfilterwarnings = error\n"
STANDS = """
import asyncio
import subprocess
import sys

import pytest
import trio
from trio_asyncio import aio_as_trio, open_loop

async def told_of():
    await trio.sleep_forever()

async def told_of_too():
    await asyncio.sleep(3600)

async def test_tasks():
    async with open_loop(), trio.open_nursery() as nursery:
        nursery.start_soon(told_of)
        await aio_as_trio(told_of_too)()

async def test_shielded():
    with trio.CancelScope(shield=True):
        await trio.sleep_forever()

@pytest.fixture
def child():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        try:
            yield
            process.wait()
        finally:
            process.wait()
            process.kill()

def test_failed_before_its_teardown(child):
    assert False

async def test_fine():
    await trio.sleep(0)
"""


def test_a_test_that_stands_still_ends_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(INI)
    (tmp_path / "test_stands.py").write_text(STANDS)
    command = [sys.executable, "-m", "pytest", "--color=no", "-rA", "-p", "tests.standstill"]
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {"PYTHONPATH": str(ROOT)}
    told = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False).stdout
    assert sorted(set(re.findall(r"^(?:PASSED|FAILED|ERROR) test_stands.py::\w+", told, re.MULTILINE))) == [
        "ERROR test_stands.py::test_failed_before_its_teardown",
        "FAILED test_stands.py::test_failed_before_its_teardown",
        "FAILED test_stands.py::test_shielded",
        "FAILED test_stands.py::test_tasks",
        "PASSED test_stands.py::test_fine",
    ], told
    for place in ("in told_of\n", "in told_of_too\n", "await trio.sleep_forever()\n", "-c input()\n", "not over after"):
        assert place in told
