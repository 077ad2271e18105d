"""`newar up` and `newar demo` as a person runs them: whole processes, started, stopped and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg
import pytest
import redis

from ops.demo.proof import prove
from schema.job import job_id
from schema.keys import key

PROJECT = Path(__file__).resolve().parents[2]
NAMES = ("REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS", "LOG_DATABASE_URL", "SOURCE_DATABASE_URL", "SUPABASE_DB_URL")


def environment(**more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    return {**clean, "PYTHONPATH": str(PROJECT), "API_PORT": "0", **more}


@contextmanager
def newar(*args: str, cwd: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ops", *args],
        cwd=cwd,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def command(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-m", "ops", *args]
    return subprocess.run(run, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)


def wait_for_line(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lines_until(process, event)[-1])
    return found


def lines_until(process: subprocess.Popen[str], event: str) -> list[str]:
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if event in line:
            return seen
    pytest.fail(f"{event} was never logged:\n" + "".join(seen))


def descendants_of(process: subprocess.Popen[str], data: Path) -> list[psutil.Process]:
    """Every process that works for this one: its descendants, and whatever names its data folder."""
    found = psutil.Process(process.pid).children(recursive=True)
    return [*found, *(p for p in psutil.process_iter() if p not in found and _names(p, data))]


def _names(process: psutil.Process, data: Path) -> bool:
    try:
        return process.pid != os.getpid() and any(str(data) in part for part in process.cmdline())
    except psutil.Error:
        return False


def gone_within(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_up_serves_until_a_signal_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    data = tmp_path / "data"
    with newar("up", "--data", str(data), cwd=tmp_path) as process:
        url = wait_for_line(process, "newar_is_up")["dashboard"]
        assert "Newar" in httpx.get(url).text
        helpers = descendants_of(process, data)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert gone_within(helpers, 10) == []


def test_other_commands_in_the_folder_find_the_servers_of_up(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("recipient_id,last_interaction_at\n7001,2026-01-01T00:00:00Z\n")
    (tmp_path / "message.json").write_text('{"text": "hi"}')
    (tmp_path / "token").write_text("EAAtoken")
    with newar("up", cwd=tmp_path, POLL_INTERVAL_MS="200") as process:
        wait_for_line(process, "newar_is_up")
        assert (tmp_path / ".newar/up.env").stat().st_mode & 0o777 == 0o600
        submit = ("run", "submit", "people.csv", "--page", "1", "--message", "message.json", "--token-file", "token")
        run = command(*submit, "--run-id", "mine", cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        deadline = time.monotonic() + 60
        while "finished" not in (listed := command("run", "show", "mine", "--json", cwd=tmp_path)).stdout:
            assert time.monotonic() < deadline, listed
        process.terminate()
        process.communicate(timeout=60)
    assert not (tmp_path / ".newar/up.env").exists()


def test_up_with_servers_and_a_key_of_ones_own_makes_nothing_in_the_folder(
    tmp_path: Path, postgres_url: str, redis_url: str, kafka_bootstrap: str
) -> None:
    given = {"LOG_DATABASE_URL": postgres_url, "REDIS_URL": redis_url, "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap}
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    with newar("up", cwd=tmp_path, **given, TOKEN_ENCRYPTION_KEY=key, KAFKA_TOPIC=f"t{uuid4().hex}") as process:
        wait_for_line(process, "newar_is_up")
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert list(tmp_path.iterdir()) == []


def test_up_waits_for_a_log_database_that_is_away(
    tmp_path: Path, postgres_url: str, redis_url: str, kafka_bootstrap: str
) -> None:
    server, name = postgres_url.rsplit("/", 1)
    later = f"later_{name}"
    given = {"LOG_DATABASE_URL": f"{server}/{later}", "REDIS_URL": redis_url, "KAFKA_TOPIC": f"t{uuid4().hex}"}
    with (
        psycopg.connect(postgres_url, autocommit=True) as admin,
        redis.Redis.from_url(redis_url) as client,
        newar("up", cwd=tmp_path, **given, KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap) as process,
    ):
        logged = lines_until(process, "newar_is_up")
        wait_for_services(client, {"sender"})
        admin.execute(f"CREATE DATABASE {later}".encode())  # a name of our own making
        logged += lines_until(process, "part_back")
        wait_for_services(client, {"sender", "runs", "ingest"})
        process.terminate()
        _, errors = process.communicate(timeout=60)
        admin.execute(f"DROP DATABASE {later} WITH (FORCE)".encode())
    assert process.returncode == 0, errors
    assert sum("part_unreachable" in line for line in [*logged, errors]) == 1


def wait_for_services(client: redis.Redis, wanted: set[str]) -> None:
    deadline = time.monotonic() + 60
    while {json.loads(value)["service"] for value in client.hvals(key("processes"))} != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_up_that_waits_for_its_log_database_ends_at_a_signal(
    tmp_path: Path, postgres_url: str, redis_url: str, kafka_bootstrap: str
) -> None:
    given = {"LOG_DATABASE_URL": f"{postgres_url}_none", "REDIS_URL": redis_url, "KAFKA_TOPIC": f"t{uuid4().hex}"}
    with newar("up", cwd=tmp_path, **given, KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap) as process:
        wait_for_line(process, "newar_is_up")
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


def test_up_killed_leaves_no_process_and_starts_again_on_the_same_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with newar("up", "--data", str(data), cwd=tmp_path) as process:
        wait_for_line(process, "newar_is_up")
        helpers = descendants_of(process, data)
        assert helpers
        process.kill()
        assert gone_within(helpers, 30) == []
    with newar("up", "--data", str(data), cwd=tmp_path) as process:
        wait_for_line(process, "newar_is_up")
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_up_ends_with_a_clear_error_when_a_local_server_dies(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with newar("up", "--data", str(data), cwd=tmp_path) as process:
        wait_for_line(process, "newar_is_up")
        helpers = descendants_of(process, data)
        (valkey,) = [p for p in helpers if p.name().startswith("valkey")]
        valkey.kill()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "newar: local redis: ended by SIGKILL" in errors, errors
    assert gone_within(helpers, 10) == []


def test_up_tells_all_wrong_settings_before_it_starts_anything(tmp_path: Path) -> None:
    wrong = {"WORKER_CONCURRENCY": "many", "RATE_LIMIT_PER_PAGE": "-1", "GRAPH_API_URL": "graph.example.com"}
    with newar("up", "--data", str(tmp_path / "data"), cwd=tmp_path, **wrong) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert all(name in errors for name in wrong), errors
    assert "Traceback" not in errors
    assert not (tmp_path / "data" / "postgres").exists()


def test_the_demo_proves_its_result(tmp_path: Path) -> None:
    with newar("demo", "--messages", "600", "--pages", "7", "--latency-ms", "5", "--json", cwd=tmp_path) as process:
        output, errors = process.communicate(timeout=110)
    assert process.returncode == 0, errors
    result = json.loads(output.splitlines()[-1])
    assert result["ok"] is True
    assert result["recipients"] == result["rows"] == sum(result["outcomes"].values()) == 600
    assert result["duplicates"] == 0
    assert result["outcomes"]["suppressed"] >= 3
    assert list(tmp_path.iterdir()) == []


def test_the_demo_interrupted_leaves_nothing(tmp_path: Path) -> None:
    with newar("demo", "--messages", "50000", cwd=tmp_path, TMPDIR=str(tmp_path)) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("newar-demo-*/token-encryption-key")) and time.monotonic() < deadline:
            time.sleep(0.05)
        helpers = descendants_of(process, tmp_path)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 1
    assert gone_within(helpers, 10) == []
    assert list(tmp_path.iterdir()) == []


def test_the_proof_finds_what_does_not_add_up() -> None:
    job = {n: job_id("r", str(n)).hex() for n in range(5)}
    rows = [("r", "0", "sent", 1), ("r", "1", "sent", 1), ("r", "2", "failed", 1), ("r", "3", "unknown", 2)]
    proof = prove(rows, [job[0], job[0], job[2], job[3]], recipients=5)
    assert proof.duplicates == 2
    assert proof.problems == [
        "1 recipients have no final row",
        "1 recipients have more than one final row",
        "1 messages arrived more than once",
        "1 messages are logged as sent and never arrived",
        "1 messages arrived and are logged neither as sent nor as unknown",
    ]
    assert prove([("r", "0", "sent", 1)], [job[0]], recipients=1).problems == []
