"""What Prometheus gets."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import msgspec
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ops.api.rest.metrics import DECLARED, Figures
from ops.board import queue_figures
from ops.board.pages.page_answers import PageRow, Speed
from ops.board.run_rates import RunRates
from ops.board.runs.causes import Holding
from schema.outcomes import Outcome
from schema.snapshot import ProcessSnapshot, RunsSnapshot, SourceSnapshot
from tests.unit.api.contents import ingest, process, sender
from tests.unit.board.test_queue_figures import reading

SOURCES = {"source": SourceSnapshot(polls=3, failures=2, silence="no answer"), "submitted": SourceSnapshot()}
PROMTOOL = shutil.which("promtool")


def page(page_id: str = "7", **fields: Any) -> PageRow:
    speeds = {"text": Speed(limit=20, now_per_s=10, reached_per_s=6), "media": Speed(5, 5, 1)}
    known: dict[str, Any] = {
        "name": None,
        "state": "breaker",
        "because": [],
        "backlog": 100,
        "may_go": 60,
        "waits": 40,
        "runs": 1,
    }
    nothing = ("p50_ms", "p95_ms", "oldest_s", "breaker_reason", "paused_until", "pause_reason")
    values: dict[str, Any] = {**dict.fromkeys(nothing), **known, **speeds, "breaker": "open", "paused": False}
    return PageRow(**{"page_id": page_id, **values, **fields})


def figures(*processes: ProcessSnapshot, pages: list[PageRow] | None = None) -> Figures:
    state = reading(leased=3, breakers={"7": "open"}, pages={"7": {}})
    queue = queue_figures.queue(Holding(state), RunRates())
    return Figures(processes=list(processes), queue=queue, breaker=queue_figures.breakers(state), pages=pages or [])
    queue = queue_figures.queue(Holding(state), RunRates())
    return Figures(processes=list(processes), queue=queue, breaker=queue_figures.breakers(state))


def samples(of: Figures) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(generate_latest(of).decode())
    return {
        (sample.name, *(value for _label, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_every_metric_is_declared_once() -> None:
    names = [declared.name for declared in DECLARED]
    assert len(set(names)) == len(names)


def test_counters_are_per_process_and_end_in_total() -> None:
    found = samples(
        figures(
            process(
                "a",
                sender=sender(
                    outcomes={"sent": 7},
                    http={"requests": 9, "errors": {"connect": 1}},
                    malformed_headers=4,
                    unknown_codes=6,
                    replicas_missing=True,
                ),
            ),
            process("b", ingest=ingest(rows=5)),
            process("c", runs=RunsSnapshot(runs_taken=2, source_down=True, sources=SOURCES)),
        )
    )
    assert found["newar_attempts_total", "sent", "a"] == 7
    assert found["newar_http_requests_total", "a"] == 9
    assert found["newar_http_errors_total", "connect", "a"] == 1
    assert found["newar_malformed_usage_headers_total", "a"] == 4
    assert found["newar_unknown_error_codes_total", "a"] == 6
    assert found["newar_ingest_rows_total", "b"] == 5
    assert found["newar_runs_taken_total", "c"] == 2
    assert found["newar_part_unreachable", "source", "c"] == 1
    assert found["newar_part_unreachable", "redis_replicas", "a"] == 1
    assert [found["newar_source_polls_total", "c", name] for name in SOURCES] == [3, 0]
    assert [found["newar_source_failures_total", "c", name] for name in SOURCES] == [2, 0]
    assert [found["newar_source_trouble", "c", name] for name in SOURCES] == [1, 0]
    assert found["newar_queue_jobs", "leased"] == 3
    assert found["newar_breakers", "open"] == 1


def test_a_process_is_as_old_as_its_own_clock_says() -> None:
    found = samples(figures(msgspec.structs.replace(process("a", sender=sender()), started_at_ms=5_000, at_ms=9_500)))
    assert found["newar_process_uptime_seconds", "a", "sender"] == 4.5
    ahead = msgspec.structs.replace(process("a", sender=sender()), started_at_ms=5_000, at_ms=4_000)
    assert samples(figures(ahead))["newar_process_uptime_seconds", "a", "sender"] == 0


def test_an_outcome_that_has_not_come_yet_is_counted_as_0() -> None:
    found = samples(figures(process("a", sender=sender(outcomes={"sent": 7}))))
    assert {labels[0] for name, *labels in found if name == "newar_attempts_total"} == {o.value for o in Outcome}
    assert found["newar_attempts_total", "unknown", "a"] == 0


def test_latencies_are_a_histogram_in_seconds() -> None:
    found = samples(figures(process("a", sender=sender(latencies_ms=(0.01, 1000.0, 1000.0, 60_000.0)))))
    buckets = {float(labels[1]): n for labels, n in found.items() if labels[0] == "newar_graph_latency_seconds_bucket"}
    assert list(buckets.values()) == sorted(buckets.values())
    assert {n for le, n in buckets.items() if 0.012 < le < 0.9} == {1}
    assert {n for le, n in buckets.items() if 1.3 < le < 55} == {3}
    assert buckets[float("inf")] == found["newar_graph_latency_seconds_count", "a"] == 4
    assert found["newar_graph_latency_seconds_sum", "a"] == pytest.approx(62.00001)


def test_a_sender_of_the_former_release_has_no_histogram() -> None:
    found = samples(figures(process("a", sender=sender(latencies_ms=(1.0,), latency_counts_ever=[]))))
    assert not [name for name, *_ in found if "latency" in name]


def test_pages_are_named_in_one_metric_alone() -> None:
    found = samples(figures(process("a", sender=sender()), pages=[page(name='Bäcker "7"\n\\'), page(page_id="8")]))
    assert found["newar_page_info", 'Bäcker "7"\n\\', "7"] == 1
    assert [name for name in found if name[0] == "newar_page_info"] == [("newar_page_info", 'Bäcker "7"\n\\', "7")]
    assert found["newar_page_backlog_messages", "7"] == 100
    assert found["newar_page_messages_per_second", "7"] == 7
    assert found["newar_page_pace_messages_per_second", "7"] == 10
    assert found["newar_page_breaker_open", "7"] == 1


def test_promtool_finds_nothing_wrong() -> None:
    if PROMTOOL is None:
        pytest.skip("this needs promtool: apt-get install prometheus")
    everything = figures(
        process("a", sender=sender(latencies_ms=(1.0, 20.0), outcomes={"sent": 7}, http={"errors": {"connect": 1}})),
        process("b", ingest=ingest(rows=5)),
        process("c", runs=RunsSnapshot(runs_taken=2, source_down=True, sources=SOURCES)),
        pages=[page(name="Ana")],
    )
    checked = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=generate_latest(everything), capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr.decode(), checked.stdout.decode()) == (0, "", "")


def test_nothing_running_leaves_processes_out() -> None:
    assert not [name for name, *_ in samples(figures()) if name.startswith("newar_sender")]
