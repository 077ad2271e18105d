"""`newar up`: started, stopped and killed."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
import redis

from schema.keys import key
from tests.integration.up.processes import (
    command,
    descendants_of,
    lines_until,
    name_of,
    newar,
    not_gone,
    wait_for_line,
)
from tests.patience import patience_s


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_up_serves_until_a_signal_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    data = tmp_path / "data"
    with newar("up", "--data", str(data), cwd=tmp_path) as process:
        url = wait_for_line(process, "newar_is_up")["dashboard"]
        assert "Newar" in httpx.get(url, timeout=patience_s()).text
        helpers = descendants_of(process, data)
        process.send_signal(number)
        _, errors = process.communicate(timeout=patience_s())
    assert process.returncode == 0, errors
    assert not_gone(helpers) == []


def test_other_commands_in_the_folder_find_the_servers_of_up(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("recipient_id,last_interaction_at\n7001,2026-01-01T00:00:00Z\n")
    (tmp_path / "message.json").write_text('{"text": "hi"}')
    (tmp_path / "token").write_text("EAAtoken")
    with newar("up", cwd=tmp_path, POLL_INTERVAL_MS="200") as process:
        wait_for_line(process, "newar_is_up")
        assert (tmp_path / ".newar/up.env").stat().st_mode & 0o777 == 0o600
        submit = ("run", "submit", "people.csv", "--page", "1", "--message", "message.json", "--token-file", "token")
        run = command(*submit, "--run-id", "mine", "--anyway", cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        deadline = time.monotonic() + patience_s()
        while "finished" not in (listed := command("run", "show", "mine", "--json", cwd=tmp_path)).stdout:
            assert time.monotonic() < deadline, listed
        process.terminate()
        process.communicate(timeout=patience_s())
    assert not (tmp_path / ".newar/up.env").exists()


def test_up_with_servers_and_a_key_of_ones_own_makes_nothing_in_the_folder(
    tmp_path: Path, postgres_url: str, redis_url: str, kafka_bootstrap: str
) -> None:
    given = {"LOG_DATABASE_URL": postgres_url, "REDIS_URL": redis_url, "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap}
    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    with newar("up", cwd=tmp_path, **given, TOKEN_ENCRYPTION_KEY=key, KAFKA_TOPIC=f"t{uuid4().hex}") as process:
        wait_for_line(process, "newar_is_up")
        process.terminate()
        _, errors = process.communicate(timeout=patience_s())
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
        _, errors = process.communicate(timeout=patience_s())
        admin.execute(f"DROP DATABASE {later} WITH (FORCE)".encode())
    assert process.returncode == 0, errors
    assert sum("part_refuses" in line for line in [*logged, errors]) == 1


def wait_for_services(client: redis.Redis, wanted: set[str]) -> None:
    deadline = time.monotonic() + patience_s()
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
        _, errors = process.communicate(timeout=patience_s())
    assert process.returncode == 0, errors


def test_up_killed_leaves_no_process_and_starts_again_on_the_same_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with newar("up", "--data", str(data), cwd=tmp_path) as process:
        wait_for_line(process, "newar_is_up")
        helpers = descendants_of(process, data)
        assert helpers
        process.kill()
        assert not_gone(helpers) == []
    with newar("up", "--data", str(data), cwd=tmp_path) as process:
        wait_for_line(process, "newar_is_up")
        process.terminate()
        process.communicate(timeout=patience_s())
    assert process.returncode == 0


def test_up_whose_local_server_cannot_start_again_says_so_and_ends_at_once_at_ctrl_c(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with newar("up", "--data", str(data), cwd=tmp_path) as process:
        wait_for_line(process, "newar_is_up")
        helpers = descendants_of(process, data)
        (valkey,) = [p for p in helpers if name_of(p).startswith("valkey")]
        (data / "redis/appendonlydir").rename(tmp_path / "its data")
        (data / "redis/appendonlydir").touch()
        valkey.kill()
        assert wait_for_line(process, "local_server_ended")["how"] == "ended by SIGKILL"
        wait_for_line(process, "local_server_not_started")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=patience_s())
    assert process.returncode == 1
    assert "newar: local redis: ended with status 1 at its start. Its last log lines:" in errors, errors
    assert "If the folder" in errors
    assert not_gone(helpers) == []


def test_up_tells_all_wrong_settings_before_it_starts_anything(tmp_path: Path) -> None:
    wrong = {"WORKER_CONCURRENCY": "many", "RATE_LIMIT_PER_PAGE": "-1", "GRAPH_API_URL": "graph.example.com"}
    with newar("up", "--data", str(tmp_path / "data"), cwd=tmp_path, **wrong) as process:
        _, errors = process.communicate(timeout=patience_s())
    assert process.returncode == 2
    assert all(name in errors for name in wrong), errors
    assert "Traceback" not in errors
    assert not (tmp_path / "data" / "postgres").exists()


def test_up_that_everybody_could_read_tells_so_before_it_starts_anything(tmp_path: Path) -> None:
    everywhere = "0.0.0.0"  # noqa: S104 - the case under test
    with newar("up", "--data", str(tmp_path / "data"), cwd=tmp_path, API_HOST=everywhere) as process:
        _, errors = process.communicate(timeout=patience_s())
    assert process.returncode == 2
    assert "ADMIN_TOKEN" in errors
    assert not (tmp_path / "data" / "postgres").exists()
