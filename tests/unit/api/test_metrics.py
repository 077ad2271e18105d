"""What Prometheus gets."""

from __future__ import annotations

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ops.api.rest.metrics import DECLARED, Figures
from ops.board import queue_figures
from ops.board.run_rates import RunRates
from schema.outcomes import Outcome
from schema.snapshot import ProcessSnapshot, RunsSnapshot
from tests.unit.api.contents import ingest, process, sender
from tests.unit.board.test_queue_figures import reading


def figures(*processes: ProcessSnapshot) -> Figures:
    state = reading(leased=3, breakers={"7": "open"}, pages={"7": {}})
    queue = queue_figures.queue(state, RunRates())
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
                ),
            ),
            process("b", ingest=ingest(rows=5)),
            process("c", runs=RunsSnapshot(runs_taken=2, source_down=True)),
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
    assert found["newar_queue_jobs", "leased"] == 3
    assert found["newar_breakers", "open"] == 1


def test_an_outcome_that_has_not_come_yet_is_counted_as_0() -> None:
    found = samples(figures(process("a", sender=sender(outcomes={"sent": 7}))))
    assert {labels[0] for name, *labels in found if name == "newar_attempts_total"} == {o.value for o in Outcome}
    assert found["newar_attempts_total", "unknown", "a"] == 0


def test_latency_is_in_seconds() -> None:
    found = samples(figures(process("a", sender=sender(latencies_ms=(1000.0,)))))
    assert 0.9 < found["newar_graph_latency_seconds", "0.99"] < 1.3


def test_nothing_running_leaves_processes_out() -> None:
    assert not [name for name, *_ in samples(figures()) if name.startswith("newar_sender")]
