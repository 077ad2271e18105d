"""The command line on real servers: runs from file to log, services from start to stop, the doctor's round."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import redis

from schema.keys import key
from tests.unit.cli.command_line import CommandLine, open_command_line

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
TOKEN = "EAAverysecret"
PROJECT = Path(__file__).parents[2]
SAMPLES = PROJECT / "schema" / "source"


@pytest.fixture
def newar(tmp_path: Path, redis_url: str, kafka_bootstrap: str) -> Iterator[CommandLine]:
    """The command with Redis and the broker; no database yet."""
    with open_command_line(tmp_path) as opened:
        opened.set(
            REDIS_URL=redis_url,
            KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap,
            KAFKA_TOPIC=f"t{uuid4().hex}",
            TOKEN_ENCRYPTION_KEY=KEY,
            GRAPH_API_URL="http://127.0.0.1:1",
            API_PORT="0",
            POLL_INTERVAL_MS="50",
            PYTHONPATH=str(PROJECT),
        )
        yield opened


@pytest.fixture
def desk(newar: CommandLine, log_database_url: str) -> CommandLine:
    """The command with a current log database too."""
    newar.set(LOG_DATABASE_URL=log_database_url)
    return newar


@contextmanager
def serving(service: str) -> Iterator[subprocess.Popen[str]]:
    """A service as a process in a group of its own, of which nothing is left afterwards."""
    command = [sys.executable, "-m", "ops", service]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def line_with(process: subprocess.Popen[str], word: str) -> str:
    """Wait for a log line; its absence fails the test when the process ends or the test's time is over."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        if word in line:
            return line
        seen.append(line)
    raise AssertionError(f"{word} never came: {seen}")


def reports(redis_url: str, service: str) -> bool:
    with redis.Redis.from_url(redis_url) as client:
        return any(json.loads(s)["service"] == service for s in client.hvals(key("processes")))


def until(condition: Any) -> None:
    """Wait for what another process does."""
    while not condition():
        time.sleep(0.02)


def sql(url: str, query: str, *params: object) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query.encode(), params or None)
        return cursor.fetchall() if cursor.description else []


def submit(newar: CommandLine, *more: str) -> str:
    """Submit a run to three people by `newar run submit`; return its id."""
    people = newar.file("people.csv", "recipient_id,name\n7001,Ann\n7002,Bob\n7003,\n")
    message, token = newar.file("hello.json", '{"text": "Hi {{name|you}}"}'), newar.file("token", f"{TOKEN}\n")
    words = ["run", "submit", people, "--page", "100", "--message", message, "--token-file", token]
    result = newar(*words, *more, "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["recipients"] == 3
    return str(answer["run_id"])


def shown(newar: CommandLine, run_id: str) -> dict[str, Any]:
    result = newar("run", "show", run_id, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_submitted_run_is_listed_and_shown_before_anybody_takes_it(desk: CommandLine) -> None:
    made_up, named = submit(desk), submit(desk, "--run-id", "named", "--priority", "5")
    listed = json.loads(desk("run", "list", "--json").stdout)
    assert {run["run_id"] for run in listed} == {made_up, named}
    run = shown(desk, named)
    assert (run["state"], run["recipients"], run["left"], run["progress"]) == ("submitted", 3, 3, 0.0)
    assert (run["priority"], run["not_reached"]) == (5, [])
    assert named in desk("run", "list").stdout
    assert named in desk("run", "show", named).stdout


def test_run_taken_by_the_run_processor_is_paused_resumed_and_cancelled(desk: CommandLine) -> None:
    run_id = submit(desk)
    with serving("runs") as process:
        until(lambda: shown(desk, run_id)["state"] == "active")
        process.terminate()
        process.communicate()
    assert desk("run", "pause", run_id).exit_code == 0
    assert (shown(desk, run_id)["state"], shown(desk, run_id)["held_by"]) == ("paused", ["operator"])
    assert desk("run", "resume", run_id).stdout == f"run {run_id}: resumed\n"
    assert shown(desk, run_id)["state"] == "active"
    assert json.loads(desk("run", "cancel", run_id, "--json").stdout) == {"run_id": run_id, "done": "cancelled"}
    assert shown(desk, run_id)["state"] == "cancelled"
    refused = desk("run", "pause", run_id)
    assert (refused.exit_code, refused.stderr) == (1, f"newar: run {run_id} cannot be paused: it is cancelled\n")
    assert [page["page_id"] for page in json.loads(desk("page", "list", "--json").stdout)] == ["100"]


def test_run_that_nobody_has_taken_yet_is_paused_resumed_and_cancelled_by_its_row(
    desk: CommandLine, log_database_url: str
) -> None:
    run_id = submit(desk)
    for word, status in (("pause", "paused"), ("resume", "queued"), ("pause", "paused"), ("cancel", "cancelled")):
        assert desk("run", word, run_id).exit_code == 0
        assert sql(log_database_url, "SELECT status FROM submitted_runs") == [(status,)]
    assert desk("run", "resume", run_id).exit_code == 1


def test_show_says_who_was_not_reached_and_why_with_examples(desk: CommandLine, log_database_url: str) -> None:
    run_id = submit(desk)
    assert desk("partitions", "ensure", "--days", "1").exit_code == 0
    for number in range(6):
        outcome, why = ("sent", None) if number == 0 else ("failed", "recipient_permanent")
        sql(
            log_database_url,
            "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class,"
            " error_code, error_message, sender_id, sent_at)"
            " VALUES (%s, %s, '100', %s, 1, %s, %s, 551, %s, 's', now())",
            uuid4(),
            run_id,
            str(7000 + number),
            outcome,
            why,
            "this person is\x1b[2J not available",
        )
    [missed] = shown(desk, run_id)["not_reached"]
    assert (missed["outcome"], missed["error_class"], missed["recipients"]) == ("failed", "recipient_permanent", 5)
    assert len(missed["examples"]) == 3
    assert {e["error_code"] for e in missed["examples"]} == {551}
    text = desk("run", "show", run_id).stdout
    assert "not available" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("word", ["show", "pause", "resume", "cancel"])
def test_unknown_run_is_said_and_exit_code_1(desk: CommandLine, word: str) -> None:
    result = desk("run", word, "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("newar: no run has the id nobody")


@pytest.mark.parametrize("words", [["pause", "9"], ["resume", "9"], ["breaker", "9", "open"]])
def test_unknown_page_is_said_and_exit_code_1(desk: CommandLine, words: list[str]) -> None:
    result = desk("page", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "page 9 never had a run" in result.stderr


def test_page_is_paused_and_its_breaker_opened_by_hand(desk: CommandLine, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.sadd(key("pages"), "100")

    def page() -> dict[str, Any]:
        [only] = json.loads(desk("page", "list", "--json").stdout)
        return dict(only)

    assert desk("page", "pause", "100").exit_code == 0
    assert page()["pause_reason"] == "by hand"
    assert "resumed by hand" in desk("page", "list").stdout
    assert desk("page", "resume", "100").exit_code == 0
    assert page()["paused_until_ms"] is None
    assert desk("page", "breaker", "100", "open").exit_code == 0
    assert page()["breaker"] == "open"
    assert desk("page", "breaker", "100", "close").exit_code == 0
    assert page()["breaker"] == "closed"


def test_run_that_would_be_refused_and_lines_at_fault_are_told_at_once(desk: CommandLine) -> None:
    message = desk.file("hello.json", '{"text": "Hi"}')
    people = desk.file("people.csv", "recipient_id\n1\n")
    bad = desk("run", "submit", people, "--page", "x", "--message", message, "--on-unknown", "guess")
    assert bad.exit_code == 2
    assert "is not a page's number" in bad.stderr
    assert "on_unknown" in bad.stderr
    lines = desk.file("lines.csv", "recipient_id,name\n1\n2,b\n3\n")
    bad = desk("run", "submit", lines, "--page", "1", "--message", message)
    assert bad.exit_code == 1
    assert bad.stderr.count("1 columns instead of 2") == 2
    assert json.loads(desk("run", "list", "--json").stdout) == []


def test_migrate_and_partitions(newar: CommandLine, postgres_url: str) -> None:
    newar.set(LOG_DATABASE_URL=postgres_url, LOG_PARTITIONS_AHEAD="2")
    early = newar("run", "list")
    assert (early.exit_code, "newar migrate" in early.stderr) == (1, True)
    assert "0001_message_logs.sql" in json.loads(newar("migrate", "--json").stdout)["applied"]
    assert newar("migrate").stdout == "the log database is up to date\n"
    assert len(json.loads(newar("partitions", "ensure", "--json").stdout)["made"]) == 3
    assert len(newar("partitions", "ensure", "--days", "4").stdout.splitlines()) == 2
    assert len(json.loads(newar("partitions", "list", "--json").stdout)) == 5
    sql(postgres_url, "CREATE TABLE message_logs_20200101 (LIKE message_logs INCLUDING ALL)")
    sql(
        postgres_url,
        "ALTER TABLE message_logs ATTACH PARTITION message_logs_20200101"
        " FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')",
    )
    newar.set(LOG_RETENTION_DAYS="3650")
    assert newar("partitions", "drop").stdout == "nothing had to be dropped\n"
    assert newar("partitions", "drop", "--keep-days", "7").stdout == "dropped message_logs_20200101\n"


@pytest.mark.parametrize("service", ["runs", "sender", "ingest"])
def test_service_reports_stops_on_sigterm_with_0_and_leaves_no_process(
    desk: CommandLine, redis_url: str, service: str
) -> None:
    assert desk("health", service).exit_code == 1
    with serving(service) as process:
        until(lambda: reports(redis_url, service) or process.poll() is not None)
        healthy = desk("health", service)
        process.send_signal(signal.SIGTERM)
        _, logs = process.communicate()
    assert process.returncode == 0, logs
    assert (healthy.exit_code, healthy.stdout.startswith(f"{service}: reported")) == (0, True)
    assert all(json.loads(line)["service"] == service for line in logs.splitlines())
    assert nothing_is_left_of(process)
    assert desk("health", service).exit_code == 1


def test_api_answers_its_health_check_and_stops_on_ctrl_c_with_0(desk: CommandLine) -> None:
    with serving("api") as process:
        address = json.loads(line_with(process, "api_serving"))["address"]
        desk.set(API_PORT=address.rsplit(":", 1)[1], HTTP_PROXY="http://127.0.0.1:1", http_proxy="http://127.0.0.1:1")
        assert desk("health", "api").exit_code == 0
        process.send_signal(signal.SIGINT)
        _, logs = process.communicate()
    assert process.returncode == 0, logs
    assert nothing_is_left_of(process)
    result = desk("health", "api", "--json")
    assert (result.exit_code, json.loads(result.stdout)["healthy"]) == (1, False)


def test_api_whose_port_is_taken_says_which_setting_to_change(desk: CommandLine, kafka_bootstrap: str) -> None:
    desk.set(API_PORT=kafka_bootstrap.rsplit(":", 1)[1])
    with serving("api") as process:
        _, logs = process.communicate()
    assert process.returncode == 2
    assert "API_PORT=" in logs.splitlines()[-1]
    assert "Traceback" not in logs


def nothing_is_left_of(process: subprocess.Popen[str]) -> bool:
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_process_of_another_host_or_one_that_is_silent_is_not_healthy(desk: CommandLine, redis_url: str) -> None:
    def say(host: str, at_ms: int) -> None:
        snapshot = {"process_id": "p", "service": "sender", "host": host, "pid": 1, "started_at_ms": 0, "at_ms": at_ms}
        with redis.Redis.from_url(redis_url) as client:
            client.hset(key("processes"), "p", json.dumps(snapshot))

    now_ms = time.time_ns() // 1_000_000
    for host, at_ms, code in (
        (socket.gethostname(), now_ms, 0),
        ("elsewhere", now_ms, 1),
        (socket.gethostname(), 0, 1),
    ):
        say(host, at_ms)
        assert desk("health", "sender").exit_code == code


def test_ingest_on_an_old_log_database_says_what_to_run(newar: CommandLine, postgres_url: str) -> None:
    newar.set(LOG_DATABASE_URL=postgres_url)
    with serving("ingest") as process:
        _, logs = process.communicate()
    assert process.returncode == 1
    assert logs.splitlines()[-1].endswith("run `newar migrate`")
    assert "Traceback" not in logs


def test_doctor_names_what_is_wrong_with_the_mend(newar: CommandLine, postgres_url: str) -> None:
    newar.set(LOG_DATABASE_URL=postgres_url, SOURCE_DATABASE_URL=postgres_url)
    result = newar("doctor", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert {f["part"] for f in found if f["status"] == "fail"} == {"log database", "source database", "graph api"}
    assert any(f["part"] == "log database" and f["mend"] == "newar migrate" for f in found)
    assert any("newar_runs does not exist" in f["text"] for f in found)
    assert TOKEN not in result.output


def test_doctor_of_a_good_installation_fails_nothing_and_sees_the_index(
    desk: CommandLine, log_database_url: str
) -> None:
    for name in ("tables.sql", "views.sql"):
        sql(log_database_url, (SAMPLES / name).read_text())
    desk.set(SOURCE_DATABASE_URL=log_database_url)

    def index() -> str:
        found = json.loads(desk("doctor", "--json").stdout)
        assert {f["part"] for f in found if f["status"] == "fail"} == {"graph api"}
        [text] = [f["text"] for f in found if "recipients in" in f["text"]]
        return str(text)

    assert index().startswith("no index gives")
    sql(log_database_url, (SAMPLES / "index.sql").read_text())
    assert index().startswith("an index gives")


def test_doctor_tells_wrong_settings_and_checks_the_rest(desk: CommandLine) -> None:
    desk.set(TOKEN_ENCRYPTION_KEY="short")
    desk.file(".env", "COLOUR=red\n")
    (desk.folder / ".env").chmod(0o644)
    result = desk("doctor")
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert any(line.startswith("fail  settings") and "TOKEN_ENCRYPTION_KEY" in line for line in lines)
    assert any(line.startswith("warn  settings") and "COLOUR" in line for line in lines)
    assert any(line.startswith("warn  permissions") and line.endswith("chmod 600 .env") for line in lines)
    assert any(line.startswith("ok    redis") for line in lines)
    assert "settings_ignored" not in result.stderr


def test_fakegraph_serves_until_sigterm(newar: CommandLine) -> None:
    command = [sys.executable, "-m", "ops", "fakegraph", "--port", "0", "--latency-ms", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        newar.set(GRAPH_API_URL=url)
        [graph] = [f for f in json.loads(newar("doctor", "--json").stdout) if f["part"] == "graph api"]
        process.terminate()
    assert process.returncode == 0
    assert graph["status"] == "ok"
