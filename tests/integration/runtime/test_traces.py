"""Traces of messages, by real services in processes of their own, and a collector that keeps what comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import defaultdict
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from schema.job import job_id
from schema.runtime.asyncio_door import aio
from schema.runtime.traces import Share, Step, parent_of, span_id
from sender.runs.by_hand.submit import SubmittedRun, submit
from sender.sealed_tokens import TokenBox
from tests.faults.stage import Stage, log_lines, open_stage
from tests.integration.runtime.collector import Collector, Span, open_collector
from tests.ports import free_port

TOKEN = "EAAverysecrettoken"
TEXT = "Nobody else shall read this"
PEOPLE = [str(7_000_000_000_000_000 + n) for n in range(16)]
OF_TRACES = {
    *("opentelemetry.exporter", "opentelemetry.sdk.trace", "opentelemetry.sdk.trace.export"),
    *("opentelemetry.exporter.otlp.proto.http", "google.protobuf", "requests", "schema.runtime.open_telemetry"),
}
"""Not all of OpenTelemetry: where it is installed, the Redis client imports its metrics by itself."""
ATTEMPTS = [("run", 0), *((step, n) for n in (1, 2) for step in ("claim", "POST", "event", "row"))]


@pytest.fixture
def addresses(asyncio_loop: Any, redis_url: str, log_database_url: str, kafka_bootstrap: str) -> dict[str, str]:
    return {
        "redis_url": redis_url,
        "log_database_url": log_database_url,
        "kafka_bootstrap_servers": kafka_bootstrap,
    }


async def send(stage: Stage, share: float, collector: Collector) -> None:
    """Let real services send a run, each message at its second attempt, and stop them in order."""
    settings = {
        "traces_share": share,
        "otel_exporter_otlp_endpoint": collector.url,
        "otel_exporter_otlp_headers": "api-key=abc%20def",
        "otel_bsp_schedule_delay": 600_000,  # so that all waits for the end
        "poll_interval_ms": 100,
    }
    run = SubmittedRun(run_id="r", page_id="100", page_access_token=TOKEN, message={"text": TEXT})
    box = TokenBox(SecretStr(stage.settings["token_encryption_key"]))
    await aio(lambda: submit(stage.database_url, StringIO("recipient_id\n" + "\n".join(PEOPLE)), run, box, "somebody"))
    await stage.graph(next=["transient_2_service_unavailable"] * len(PEOPLE))
    services = [stage.start(service, **settings) for service in ("ingest", "runs", "sender")]
    await stage.until(lambda: stage.rows() == 2 * len(PEOPLE), "two rows each")
    for service in services:
        service.signal(signal.SIGTERM)
    await stage.until(lambda: not any(service.running for service in services), "the end of the services")
    assert [service.wait() for service in services] == [0, 0, 0]


async def test_a_message_is_one_trace_of_all_that_happened_to_it(tmp_path: Path, addresses: dict[str, str]) -> None:
    chosen = {job.hex(): job for who in PEOPLE if (job := job_id("r", who)) in Share(0.5)}
    assert 0 < len(chosen) < len(PEOPLE)
    with open_collector() as collector:
        async with open_stage(tmp_path, **addresses) as stage:
            await send(stage, 0.5, collector)
            places = {(p, o) for p, o in stage.fetch("SELECT partition, next_offset FROM ingest_offsets")}
    traces: dict[str, dict[bytes, Span]] = defaultdict(dict)
    for span in collector.spans:
        assert span.id not in traces[span.trace]
        traces[span.trace][span.id] = span
    assert traces.keys() == chosen.keys()
    for trace, spans in traces.items():
        check_one(chosen[trace], spans)
    assert {int(s.about["messaging.destination.partition.id"]) for s in collector.spans if s.name == "row"} <= {
        p for p, o in places if o
    }
    assert all(headers["api-key"] == "abc def" for headers in collector.headers)
    secrets = [TOKEN, TEXT, "sealed", *PEOPLE, "a temporary", "api-key"]
    assert [secret for secret in secrets for body in collector.bodies if secret.encode() in body] == []


def check_one(job: bytes, spans: dict[bytes, Span]) -> None:
    """A trace has every step, with the right parent, and in the right order of time."""
    at = {}
    for name, attempt in ATTEMPTS:
        step = Step(name)
        span = at[name, attempt] = spans.pop(span_id(job, step, attempt).to_bytes(8))
        parent = parent_of(step, attempt)
        assert span.parent == (span_id(job, parent, attempt).to_bytes(8) if parent else b"")
        assert span.name == name
        assert span.began_ns <= span.ended_ns
    assert not spans
    for attempt in (1, 2):
        claim, post, event, row = (at[name, attempt] for name in ("claim", "POST", "event", "row"))
        assert at["run", 0].began_ns < claim.began_ns
        assert claim.ended_ns == post.began_ns
        assert post.ended_ns - post.began_ns > 15e6  # the stand-in takes 20 ms
        assert post.ended_ns <= event.began_ns
        assert event.ended_ns <= row.ended_ns
        assert event.about["messaging.kafka.offset"] == row.about["messaging.kafka.offset"]
        services = {"newar-sender"}, {"newar-ingest"}
        assert ({claim.service, post.service, event.service}, {row.service}) == services
    assert at["run", 0].service == "newar-runs"
    assert at["POST", 1].ended_ns < at["claim", 2].ended_ns
    first, second = at["POST", 1], at["POST", 2]
    assert (first.failed, first.about["newar.outcome"], first.about["newar.error_class"]) == (
        *(True, "retrying", "transient"),
    )
    assert (second.failed, second.about["newar.outcome"]) == (False, "sent")
    assert second.about["http.response.status_code"] == 200
    assert first.about["newar.error_code"] == 2


async def test_a_collector_that_is_away_disturbs_nothing_and_is_said_once(
    tmp_path: Path, addresses: dict[str, str]
) -> None:
    away = {"otel_exporter_otlp_endpoint": f"http://somebody:hidden@127.0.0.1:{free_port()}"}
    async with open_stage(tmp_path, **addresses) as stage:
        await stage.add_run("r", 50)
        sender = stage.start("sender", traces_share=1, otel_bsp_schedule_delay=50, otel_exporter_otlp_timeout=1, **away)
        await stage.until(lambda: stage.finished("r"), "the run's end")
        await stage.until(lambda: "collector of traces" in sender.output(), "a word of the outage")
        await stage.add_run("s", 50)
        await stage.until(lambda: stage.finished("s"), "the next run's end")
        sender.signal(signal.SIGTERM)
        await stage.until(lambda: not sender.running, "the end of the sender")
        assert sender.wait() == 0
        said = [line for line in log_lines(sender) if line.get("level") in ("warning", "error")]
    assert [(line["event"], line["part"]) for line in said] == [("part_unreachable", "collector of traces")]
    assert said[0]["service"] == "sender"
    assert "hidden" not in sender.output()


async def test_without_traces_nothing_of_them_is_imported(tmp_path: Path, addresses: dict[str, str]) -> None:
    async with open_stage(tmp_path, **addresses) as stage:
        await stage.add_run("r", 5)
        services = [stage.start(s, pythonprofileimporttime=1) for s in ("ingest", "runs", "sender")]
        await stage.until(lambda: stage.rows() == 5, "the rows")
    for service in services:
        imported = {line.rpartition("|")[2].strip() for line in service.output().splitlines() if "import time:" in line}
        assert "schema.runtime.traces" in imported
        assert imported.isdisjoint(OF_TRACES)


def test_without_the_extra_the_setting_is_refused_with_what_to_install() -> None:
    without = "import sys; sys.modules['opentelemetry'] = None; from ops.cli import main; main()"
    environment = {**os.environ, "TRACES_SHARE": "0.1"}
    ended = subprocess.run(
        [sys.executable, "-c", without, "ingest"], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "TRACES_SHARE: needs OpenTelemetry, which is not installed here: pip install" in ended.stderr
