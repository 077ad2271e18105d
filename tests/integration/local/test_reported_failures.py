"""Starts that fail: what is said of them; nothing is left running."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ops.local.errors import LocalServerFailed
from ops.local.servers import SERVER_NAMES, open_servers
from tests.integration.local.processes import processes_in


def test_the_command_says_why_it_failed(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    command = [sys.executable, "-m", "ops.local", "--data", str(tmp_path / "data")]
    failed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert str(tmp_path / "data") in failed.stderr
    assert "Traceback" not in failed.stderr


async def test_a_cluster_without_its_control_file_is_reported_and_all_is_stopped(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"postgres"}, durable=False):
        pass
    (tmp_path / "postgres/cluster/global/pg_control").unlink()
    with pytest.raises(LocalServerFailed, match="pg_control") as caught:
        async with open_servers(tmp_path, SERVER_NAMES):
            pytest.fail("it started")
    assert caught.value.name == "postgres"
    assert str(tmp_path / "logs/postgres.log") in caught.value.reason
    assert processes_in(tmp_path) == []


async def test_a_broken_append_only_file_is_reported(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"redis"}):
        pass
    (tmp_path / "redis/appendonlydir/appendonly.aof.manifest").write_text("nonsense")
    with pytest.raises(LocalServerFailed, match="manifest"):
        async with open_servers(tmp_path, {"redis"}):
            pytest.fail("it started")
    assert processes_in(tmp_path) == []


async def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "kafka").write_text("not a folder")
    with pytest.raises(LocalServerFailed, match=re.escape(str(tmp_path / "kafka"))):
        async with open_servers(tmp_path, SERVER_NAMES):
            pytest.fail("it started")
    assert processes_in(tmp_path) == []


async def test_a_lost_password_is_reported(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"postgres"}, durable=False):
        pass
    (tmp_path / "postgres/password").unlink()
    with pytest.raises(LocalServerFailed, match="password authentication failed"):
        async with open_servers(tmp_path, {"postgres"}, durable=False):
            pytest.fail("it started")
    assert processes_in(tmp_path) == []
