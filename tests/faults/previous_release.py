"""The program of the previous release, beside this one: what an upgrade and a rollback meet."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path
from tarfile import open as open_tar

import pytest

from tests.faults.stage import PROJECT

COMMIT = "c8d31bb"


def unpack(folder: Path) -> Path:
    """Put the previous release's program into this folder and return it; skip the test where the clone lacks it."""
    command = ["git", "-C", str(PROJECT), "archive", COMMIT]
    archive = subprocess.run(command, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"the previous release, {COMMIT}, is not in this clone: {archive.stderr.decode().strip()}")
    with open_tar(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder
