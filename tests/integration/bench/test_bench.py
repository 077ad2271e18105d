"""The benchmarks run, in tiny sizes; how fast is not asked here."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from ops.bench.clients import CLIENTS


def bench(*arguments: str) -> dict[str, Any]:
    command = [
        sys.executable,
        "-c",
        "from ops.commands.bench import commands; commands()",
        *arguments,
        "--rounds",
        "1",
        "--json",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_every_http_client_sends_on_plain_and_on_tls() -> None:
    printed = bench("http", "--tasks", "2", "--seconds", "0.3")
    assert [(c["case"]["client"], c["case"]["tls"]) for c in printed["cases"]] == [
        (client, tls) for tls in (False, True) for client in CLIENTS
    ]
    for case in printed["cases"]:
        assert case["medians"]["requests_per_s"] > 0
        assert case["medians"]["time"]["p50_ms"] > 0


def test_the_queue_settles_every_job_in_groups_of_each_size() -> None:
    printed = bench("queue", "--groups", "1,25", "--jobs", "100", "--pages", "2", "--no-durable")
    assert [c["case"] for c in printed["cases"]] == [1, 25]
    for case in printed["cases"]:
        assert case["medians"]["jobs_per_s"] > 0
        assert set(case["medians"]["cpu_us"]) == {"bench", "Redis"}


def test_looks_at_runs_of_few_and_of_many_pages_are_measured() -> None:
    printed = bench("poll", "--runs", "30", "--pages", "2,30", "--no-durable")
    assert [c["case"] for c in printed["cases"]] == [
        {"look": look, "pages": pages} for pages in (2, 30) for look in ("poll", "books")
    ]
    for case in printed["cases"]:
        assert case["medians"]["runs_per_s"] > 0
        assert set(case["medians"]["cpu_us"]) == {"bench", "Redis", "Postgres"}


def test_the_whole_path_is_measured_to_the_rows_with_single_sends_and_with_batches() -> None:
    printed = bench(
        "send",
        *("--messages", "200", "--pages", "2", "--tasks", "10", "--batch", "1,20", "--failures", "0.5"),
        "--no-durable",
    )
    for case in printed["cases"]:
        medians = case["medians"]
        assert 0 < medians["rows_per_s"] <= medians["sent_per_s"]
        assert set(medians["cpu_us"]) == {"bench", "sender", "fake Graph", "Redis", "broker", "ingest", "Postgres"}
        assert medians["to_first_byte"]["p99_ms"] > 0
        assert medians["to_settlement"]["p99_ms"] > 0


def test_a_list_with_a_wrong_value_is_wrong_usage() -> None:
    command = [sys.executable, "-c", "from ops.commands.bench import commands; commands()", "send", "--batch", "1,many"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--batch" in done.stderr
