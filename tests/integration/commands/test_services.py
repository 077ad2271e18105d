"""The services from start to stop, and `newar health`."""

from __future__ import annotations

import json
import signal
import socket
import time

import pytest
import redis

from schema.keys import key
from tests.integration.commands.processes import line_with, nothing_is_left_of, serving
from tests.integration.commands.servers import reports, until
from tests.unit.command_line import CommandLine


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
