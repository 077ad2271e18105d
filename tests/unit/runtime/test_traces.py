"""Which messages are traced, how their spans are named, and what the settings may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from schema.job import job_id
from schema.runtime.settings import SettingsError, load
from schema.runtime.trace_settings import TraceSettings
from schema.runtime.traces import Share, Step, Traces, parent_of, span_id

JOB = job_id("r", "7001")


class Noted:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, tuple[int, int, int | None], Mapping[str, str | int], bool]] = []

    def add(self, name: str, ids: Any, times_ns: tuple[int, int], about: Any, *, failed: bool = False) -> None:
        assert times_ns[0] <= times_ns[1]
        self.spans.append((name, ids, about, failed))


def tracing(share: float) -> tuple[Traces, Noted]:
    noted = Noted()
    return Traces(share, noted, "topic"), noted  # type: ignore[arg-type]  # all that it asks of one


@given(job=st.binary(min_size=16, max_size=16), share=st.floats(0, 1))
def test_a_share_is_that_of_open_telemetry(job: bytes, share: float) -> None:
    theirs = TraceIdRatioBased(share).should_sample(None, int.from_bytes(job), "").decision
    assert (job in Share(share)) == (theirs is Decision.RECORD_AND_SAMPLE)
    assert (job + b"the rest of a record" in Share(share)) == (job in Share(share))


@given(job=st.binary(min_size=16, max_size=16), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_larger_share_has_all_of_a_smaller_one(job: bytes, shares: tuple[float, float]) -> None:
    assert job not in Share(min(shares)) or job in Share(max(shares))


def test_a_share_is_about_so_many_and_the_ends_are_all_and_none() -> None:
    jobs = [job_id("r", str(n)) for n in range(10_000)]
    assert 900 < sum(job in Share(0.1) for job in jobs) < 1100
    assert all(job in Share(1) for job in jobs)
    assert not any(job in Share(0) for job in jobs)


def test_every_step_of_every_attempt_has_an_id_of_its_own_and_the_run_one() -> None:
    ids = [span_id(JOB, step, attempt) for step in Step if step is not Step.RUN for attempt in range(50)]
    assert len({*ids, span_id(JOB, Step.RUN, 0)}) == len(ids) + 1
    assert span_id(JOB, Step.RUN, 7) == span_id(JOB, Step.RUN, 0)
    assert span_id(JOB, Step.POST, 1) == 0x538C4D1B47D48F6B  # of releases that differ in this nobody finds the parents


@pytest.mark.parametrize(
    ("step", "attempt", "parent"),
    [
        (Step.RUN, 0, None),
        (Step.CLAIM, 0, Step.RUN),
        (Step.CLAIM, 1, Step.RUN),
        (Step.POST, 1, Step.CLAIM),
        (Step.EVENT, 1, Step.POST),
        (Step.EVENT, 0, Step.CLAIM),
        (Step.ROW, 0, Step.EVENT),
    ],
)
def test_a_step_follows_the_one_before_it(step: Step, attempt: int, parent: Step | None) -> None:
    assert parent_of(step, attempt) is parent


def event(**fields: Any) -> bytes:
    return msgspec.json.encode({"run_id": "r", "recipient_id": "7001", "attempt": 2, "outcome": "sent", **fields})


def test_an_event_is_found_to_be_of_its_job() -> None:
    traces, noted = tracing(1)
    traces.tell_events(Step.ROW, [(event(), 3, 17), (event(attempt=3), 3, 18)], 1, failed={(3, 18)})
    ids = [(int.from_bytes(JOB), span_id(JOB, Step.ROW, n), span_id(JOB, Step.EVENT, n)) for n in (2, 3)]
    assert [(name, found, failed) for name, found, _, failed in noted.spans] == [
        ("row", ids[0], False),
        ("row", ids[1], True),
    ]
    assert noted.spans[0][2]["messaging.kafka.offset"] == 17


@given(raw=st.binary() | st.just(event(recipient_id="")) | st.just(event(run_id="\x00")) | st.just(b'{"run_id": 1}'))
def test_nothing_in_the_topic_disturbs(raw: bytes) -> None:
    traces, noted = tracing(1)
    traces.tell_events(Step.EVENT, [(raw, 0, 0), (event(), 0, 1)], 1)
    assert noted.spans[-1][1][0] == int.from_bytes(JOB)


def test_only_the_chosen_are_told() -> None:
    jobs = [job_id("r", str(n)) for n in range(200)]
    traces, noted = tracing(0.3)
    traces.tell_enqueued("r", "100", [job + b"\x91\xa1x" for job in jobs], 1)
    assert [ids[0] for _, ids, _, _ in noted.spans] == [int.from_bytes(job) for job in jobs if job in Share(0.3)]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"traces_share": "nan"}, "TRACES_SHARE"),
        ({"traces_share": "1.1"}, "TRACES_SHARE"),
        ({"traces_share": "-0.1"}, "TRACES_SHARE"),
        ({"traces_share": "1 %"}, "TRACES_SHARE"),
        ({"otel_exporter_otlp_endpoint": "collector:4318"}, "must begin with http:// or https://"),
        ({"otel_exporter_otlp_endpoint": "http://"}, "must begin with http:// or https://"),
        ({"otel_exporter_otlp_endpoint": "http://[secret"}, "cannot be read as an address"),
        ({"otel_exporter_otlp_headers": "secret"}, "must be name=value"),
        ({"otel_exporter_otlp_headers": "a=secret,b"}, "must be name=value"),
        ({"otel_exporter_otlp_headers": "a b=secret"}, "must be name=value"),
        ({"otel_exporter_otlp_headers": "a=secret%0d%0ab:c"}, "no header may hold"),
    ],
)
def test_what_cannot_be_is_refused_without_its_value(values: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(TraceSettings, env_file=None, **values)
    assert problem in str(caught.value)
    assert "secret" not in str(caught.value).replace("api-key=secret", "")


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (None, "http://localhost:4318/v1/traces"),
        ("https://collector.example.com/", "https://collector.example.com/v1/traces"),
        ("http://[::1]:4318/otlp", "http://[::1]:4318/otlp/v1/traces"),
    ],
)
def test_spans_go_to_the_endpoints_own_path(endpoint: str | None, url: str) -> None:
    assert load(TraceSettings, env_file=None, otel_exporter_otlp_endpoint=endpoint).traces_url == url


def test_headers_are_read_as_open_telemetry_reads_them() -> None:
    read = load(TraceSettings, env_file=None, otel_exporter_otlp_headers="api-key=a%20b=, Authorization=Basic eA==")
    assert read.traces_headers == {"api-key": "a b=", "Authorization": "Basic eA=="}
