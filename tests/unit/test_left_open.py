"""The file that leaves something open is the one that fails, though garbage is mostly found in another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEAVES = """
import socket

def test_leaves():
    one = [socket.socket()]
    one.append(one)  # nothing but the collector finds it
"""
CLEAN = """
import gc

def test_clean():
    gc.collect()
"""


def test_the_file_fails_that_leaves_something_open(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    for name, text in {"test_a": CLEAN, "test_b": LEAVES, "test_c": CLEAN}.items():
        (tmp_path / f"{name}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "--color=no", "-p", "tests.conftest"]
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert "ERROR test_b.py::test_leaves" in ended.stdout
    assert "3 passed, 1 error" in ended.stdout
