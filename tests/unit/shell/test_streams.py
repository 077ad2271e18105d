"""Output in any locale: text as UTF-8, names of files as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = r"""
import sys
from ops.shell.streams import hold_every_text
hold_every_text()
for stream in (sys.stdout, sys.stderr):
    print("\u00e9\u4e2d \udce9", file=stream)
"""


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}]
)
def test_every_text_can_be_written(locale: dict[str, str]) -> None:
    environment = locale | {"PYTHONPATH": str(Path(__file__).parents[3])}
    ended = subprocess.run([sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, check=True)
    text = "\u00e9\u4e2d ".encode()
    assert (ended.stdout, ended.stderr) == (text + b"\xe9\n", text + b"\\udce9\n")
