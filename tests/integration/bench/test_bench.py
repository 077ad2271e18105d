"""The benchmarks run, in tiny sizes; how fast is not asked here."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from ops.bench.clients import CLIENTS
from ops.fakegraph.child_process import PROJECT


def bench(*arguments: str, rounds: bool = True) -> dict[str, Any]:
    command = [
        sys.executable,
        "-c",
        "from ops.commands.bench import commands; commands()",
        *arguments,
        *(("--rounds", "1") if rounds else ()),
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


def test_claims_are_measured_by_queue_also_beside_another_checkout() -> None:
    small = ("--pages", "2,20", "--jobs", "200", "--two-runs", "0.5", "--want", "10", "--calls", "4")
    printed = bench("claim", *small, "--against", str(PROJECT))
    assert [(c["case"]["program"], c["case"]["pages"]) for c in printed["cases"]] == [
        (program, pages) for pages in (2, 20) for program in (str(PROJECT), "this")
    ]
    for case in printed["cases"]:
        assert case["medians"]["jobs_a_call"] == 10
        assert case["medians"]["us_a_call"] >= case["medians"]["us_a_job"] > 0
        assert case["medians"]["call"]["p50_ms"] > 0
    assert [c["ratio"] for c in printed["cases"][::2]] == [1.0, 1.0]


def test_claims_go_on_where_pages_must_wait_for_their_limit() -> None:
    printed = bench("claim", "--pages", "2", "--jobs", "100", "--limit", "50", "--want", "10", "--calls", "4")
    assert all(0 < case["medians"]["jobs_a_call"] <= 10 for case in printed["cases"])


def test_fairness_tells_when_each_page_was_done_and_what_the_first_one_took() -> None:
    printed = bench("fairness", "--backlog", "3000", "--pages", "9", "--small", "100", "--runs", "30")
    assert [case["case"] for case in printed["cases"]] == ["backlog", "split", "lanes"]
    for case, pages in zip(printed["cases"], (9, 9, 1), strict=True):
        (figures,) = case["rounds"]
        assert {str(1001 + n) for n in range(pages)} <= figures["done_s"].keys()
        assert 0 < figures["first_done_s"] <= figures["median_done_s"] <= figures["last_done_s"]
        assert figures["worst"] > 0.9
        assert len(figures["shares"]) == 10


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
        *("--personal", "0.5"),
        "--no-durable",
    )
    for case in printed["cases"]:
        medians = case["medians"]
        assert 0 < medians["rows_per_s"] <= medians["sent_per_s"]
        assert set(medians["cpu_us"]) == {"bench", "sender", "fake Graph", "Redis", "broker", "ingest", "Postgres"}
        assert medians["to_first_byte"]["p99_ms"] > 0
        assert medians["to_settlement"]["p99_ms"] > 0


@pytest.mark.parametrize(
    ("benchmark", "option", "values"),
    [
        ("send", "--batch", "1,many"),
        ("send", "--personal", "1.5"),
        ("claim", "--pages", "0"),
        ("claim", "--two-runs", "0,2"),
        ("fairness", "--cases", "backlog,trunks"),
    ],
)
def test_a_list_with_a_wrong_value_is_wrong_usage(benchmark: str, option: str, values: str) -> None:
    program = "from ops.commands.bench import commands; commands()"
    command = [sys.executable, "-c", program, benchmark, option, values]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert option in done.stderr


def test_every_question_to_the_log_is_asked_and_finds_rows() -> None:
    printed = bench("queries", "--rows", "3000", "--asked", "4", rounds=False)
    assert len(printed["questions"]) >= 17
    for asked in printed["questions"]:
        assert asked["warm"]["p50_ms"] > 0
    assert {asked["question"] for asked in printed["questions"] if asked["rows"]} >= {
        *("recipient", "message", "largest run", "page", "failures"),
    }
    assert printed["size_mb"]["rows"] > 0
    assert len(printed["size_mb"]) == 10, "the table of a day and its nine indexes"


def test_a_backlog_becomes_rows_beside_a_copy_and_steady_events_too() -> None:
    printed = bench("ingest", "--events", "3000", "--delay-ms", "1", "--no-durable")
    assert [(c["case"]["way"], c["case"]["delay_ms"]) for c in printed["cases"]] == [("copy", 1.0), ("ingest", 1.0)]
    assert all(c["medians"]["rows_per_s"] > 0 for c in printed["cases"])
    steady = bench("ingest", "--steady", "200", "--seconds", "5", "--delay-ms", "0", "--no-durable")
    [case] = steady["cases"]
    assert case["medians"]["to_row"]["p50_ms"] > 0
