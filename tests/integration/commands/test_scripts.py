"""The scripts for cron with the real program and a database, from a checkout with `.env` and a virtual environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.integration.commands.conftest import PROJECT
from tests.integration.days.log_days import ago, name, run, tables


def test_a_log_database_is_set_up_and_kept_by_scripts_without_an_environment(tmp_path: Path, postgres_url: str) -> None:
    shutil.copytree(PROJECT / "ops" / "scripts", tmp_path / "ops" / "scripts")
    newar = tmp_path / ".venv/bin/newar"
    newar.parent.mkdir(parents=True)
    newar.write_text(f'#!/bin/sh\nPYTHONPATH={PROJECT} exec {sys.executable} -m ops.cli "$@"\n')
    newar.chmod(0o700)

    def call(script: str, *arguments: str) -> tuple[int, str]:
        command = [str(tmp_path / "ops/scripts" / script), *arguments]
        done = subprocess.run(command, cwd="/", env={}, capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).partition(": ")[2]

    code, said = call("run-migrations.sh")
    assert code == 2
    assert said.startswith("failed with exit code 2: newar: LOG_DATABASE_URL is not set; write ")
    (tmp_path / ".env").write_text(f"LOG_DATABASE_URL={postgres_url}\n")
    assert call("run-migrations.sh")[1].startswith("applied 0001_message_logs.sql; applied ")
    assert call("create-future-partitions.sh", "1") == (0, f"made {name(0)}; made {name(-1)}\n")
    bounds = f"FROM ('{ago(9)}') TO ('{ago(8)}')"
    run(postgres_url, f"CREATE TABLE {name(9)} PARTITION OF message_logs FOR VALUES {bounds}")
    assert call("cleanup-old-logs.sh", "9") == (0, "nothing had to be dropped\n")
    assert call("cleanup-old-logs.sh", "7") == (0, f"dropped {name(9)}\n")
    assert tables(postgres_url) == [name(0), name(-1)]
