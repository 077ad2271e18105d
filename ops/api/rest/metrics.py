"""The figures for Prometheus: each metric declared once, with its unit in its name. Counters are per process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ops.api.rest.declared import Declared, Sample
from ops.api.rest.latency_metric import LATENCY, latency_histograms
from ops.api.rest.process_metrics import PROCESS_METRICS
from ops.api.rest.server_metrics import SERVER_METRICS
from ops.api.rest.source_metrics import SOURCE_METRICS
from ops.board import merge
from ops.board.answers import CircuitBreaker, QueueAnswer
from ops.board.pages.page_answers import PageRow
from ops.local.restarts import States
from schema.outcomes import Outcome
from schema.snapshot import IngestSnapshot, ProcessSnapshot, RedisMemory, RunsSnapshot, SenderSnapshot


@dataclass(frozen=True, kw_only=True)
class Figures(Collector):
    """What is known at one moment. Prometheus calls `collect` when it encodes."""

    processes: list[ProcessSnapshot]
    queue: QueueAnswer
    breaker: CircuitBreaker
    pages: list[PageRow] = field(default_factory=list)
    """The busiest."""
    servers: States = field(default_factory=dict)
    """The local ones."""

    def collect(self) -> Iterator[Metric]:
        """Yield every declared metric with its samples."""
        for declared in DECLARED:
            family = declared.family(declared.name, declared.says, labels=declared.labels)
            for labels, value in declared.samples(self):
                family.add_metric(labels, value)
            yield family
        latency = HistogramMetricFamily(LATENCY, "latency of the Graph API", labels=_PROCESS)
        for labels, buckets, total in latency_histograms(self.processes):
            latency.add_metric(labels, buckets, total)
        yield latency


def _senders(read: Callable[[SenderSnapshot], float]) -> Callable[[Figures], Iterable[Sample]]:
    return lambda f: [((p.process_id,), read(p.sender)) for p in f.processes if p.sender]


def _ingests(read: Callable[[IngestSnapshot], float]) -> Callable[[Figures], Iterable[Sample]]:
    return lambda f: [((p.process_id,), read(p.ingest)) for p in f.processes if p.ingest]


def _without_new_row(f: Figures) -> Iterable[Sample]:
    reasons = ("repeated", "corrected", "too_old", "conflicting")
    return [((p.process_id, why), getattr(p.ingest, why)) for p in f.processes if p.ingest for why in reasons]


def _run_processors(read: Callable[[RunsSnapshot], float]) -> Callable[[Figures], Iterable[Sample]]:
    return lambda f: [((p.process_id,), read(p.runs)) for p in f.processes if p.runs]


def _redis_memory(read: Callable[[RedisMemory], float | None]) -> Callable[[Figures], Iterable[Sample]]:
    return lambda f: [
        ((p.process_id,), value)
        for p in f.processes
        if p.runs and p.runs.redis_memory and (value := read(p.runs.redis_memory)) is not None
    ]


def _outcomes(f: Figures) -> Iterable[Sample]:
    """Return them from 0 on: of a series that begins at 14, Prometheus sees no increase."""
    senders = [(p.process_id, p.sender.outcomes) for p in f.processes if p.sender]
    return [((process, o.value), outcomes.get(o.value, 0)) for process, outcomes in senders for o in Outcome]


def _sockets(f: Figures) -> Iterable[Sample]:
    pools = merge.http_client(f.processes).processes
    return [((p.process_id, state), getattr(p, state)) for p in pools for state in ("idle", "in_flight")]


def _http_errors(f: Figures) -> Iterable[Sample]:
    pools = merge.http_client(f.processes).processes
    return [((p.process_id, phase), n) for p in pools for phase, n in p.errors.items()]


def _jobs(f: Figures) -> Iterable[Sample]:
    return [((state,), getattr(f.queue, state)) for state in ("waiting", "delayed", "leased", "marked")]


def _breakers(f: Figures) -> Iterable[Sample]:
    return [(("open",), f.breaker.open), (("half_open",), f.breaker.half_open)]


def _pages(read: Callable[[PageRow], float | None]) -> Callable[[Figures], Iterable[Sample]]:
    return lambda f: [((page.page_id,), value) for page in f.pages if (value := read(page)) is not None]


def _page_names(f: Figures) -> Iterable[Sample]:
    return [((page.page_id, page.name), 1) for page in f.pages if page.name]


_GAUGE, _COUNTER, _PROCESS, _PAGE = GaugeMetricFamily, CounterMetricFamily, ("process",), ("page",)

DECLARED = (
    *PROCESS_METRICS,
    Declared(_COUNTER, "newar_attempts", "attempts by outcome", ("process", "outcome"), _outcomes),
    Declared(_GAUGE, "newar_sender_tasks", "sender tasks", _PROCESS, _senders(lambda s: s.tasks)),
    Declared(_GAUGE, "newar_sender_busy_tasks", "sender tasks at work", _PROCESS, _senders(lambda s: s.busy_tasks)),
    Declared(
        _COUNTER,
        "newar_stale_settlements",
        "settlements refused because the job was no longer ours",
        _PROCESS,
        _senders(lambda s: s.stale_settlements),
    ),
    Declared(_GAUGE, "newar_http_sockets", "open sockets to the Graph API", ("process", "state"), _sockets),
    Declared(
        _COUNTER,
        "newar_http_requests",
        "requests to the Graph API",
        _PROCESS,
        _senders(lambda s: s.http.requests),
    ),
    Declared(
        _COUNTER,
        "newar_http_connections_opened",
        "connections opened to the Graph API",
        _PROCESS,
        _senders(lambda s: s.http.connections_opened),
    ),
    Declared(
        _COUNTER,
        "newar_malformed_usage_headers",
        "usage headers that could not be read, or only in part",
        _PROCESS,
        _senders(lambda s: s.malformed_headers),
    ),
    Declared(
        _COUNTER,
        "newar_unknown_error_codes",
        "answers with an error code that stands in no table",
        _PROCESS,
        _senders(lambda s: s.unknown_codes),
    ),
    Declared(_COUNTER, "newar_http_errors", "failed requests by phase", ("process", "phase"), _http_errors),
    Declared(_GAUGE, "newar_queue_jobs", "jobs of unfinished runs by state", ("state",), _jobs),
    Declared(
        _GAUGE,
        "newar_queue_oldest_claimable_age_seconds",
        "how long the longest waiting job could have been claimed",
        (),
        lambda f: [((), f.queue.oldest_claimable_age_s)],
    ),
    *SOURCE_METRICS,
    *SERVER_METRICS,
    Declared(_GAUGE, "newar_runs_unfinished", "unfinished runs", (), lambda f: [((), f.queue.runs_unfinished)]),
    Declared(
        *(_GAUGE, "newar_runs_braked", "unfinished runs that a brake holds, until a person resumes or cancels", ()),
        lambda f: [((), f.queue.runs_braked)],
    ),
    Declared(
        _GAUGE,
        "newar_paused_by_hand",
        "1: a person has paused everything",
        (),
        lambda f: [((), float(f.queue.app.by_hand))],
    ),
    Declared(
        _GAUGE,
        "newar_outbox_events",
        "events settled and not yet acknowledged by the broker",
        (),
        lambda f: [((), f.queue.outbox)],
    ),
    Declared(_GAUGE, "newar_breakers", "breakers that are not closed", ("state",), _breakers),
    Declared(_COUNTER, "newar_ingest_rows", "rows written to the log", _PROCESS, _ingests(lambda i: i.rows)),
    Declared(_COUNTER, "newar_ingest_dead_letters", "dead letters", _PROCESS, _ingests(lambda i: i.dead_letters)),
    Declared(
        _COUNTER,
        "newar_ingest_events_without_new_row",
        "events that became no new row, and no dead letter but those that contradict a row",
        ("process", "because"),
        _without_new_row,
    ),
    Declared(_GAUGE, "newar_ingest_lag_events", "events not yet rows", _PROCESS, _ingests(lambda i: i.lag_events)),
    Declared(_GAUGE, "newar_ingest_lag_seconds", "age of what becomes rows now", _PROCESS, _ingests(lambda i: i.lag_s)),
    Declared(
        _GAUGE,
        "newar_ingest_without_partitions_seconds",
        "how long it has waited for partitions that nobody else has",
        _PROCESS,
        _ingests(lambda i: i.without_partitions_s),
    ),
    Declared(
        _COUNTER,
        "newar_ingest_topics_made_again",
        "times that the topic, or its broker, was found set up anew",
        _PROCESS,
        _ingests(lambda i: i.topics_made_again),
    ),
    Declared(
        _COUNTER,
        "newar_ingest_events_missing",
        "events of former topics that are known to have become no rows",
        _PROCESS,
        _ingests(lambda i: i.events_missing),
    ),
    Declared(
        *(_GAUGE, "newar_redis_used_bytes", "memory that Redis uses, as a run processor saw it last", _PROCESS),
        _redis_memory(lambda m: m.used),
    ),
    Declared(
        *(_GAUGE, "newar_redis_maxmemory_bytes", "memory that Redis may use; 0: any amount", _PROCESS),
        _redis_memory(lambda m: m.bound),
    ),
    Declared(
        *(_GAUGE, "newar_redis_used_share", "memory that Redis uses, as a share of what it may use", _PROCESS),
        _redis_memory(lambda m: m.used / m.bound if m.used is not None and m.bound else None),
    ),
    Declared(
        *(_GAUGE, "newar_redis_full", "1: runs wait to be enqueued until Redis has room", _PROCESS),
        _run_processors(lambda r: float(bool(r.redis_full))),
    ),
    Declared(_COUNTER, "newar_runs_taken", "runs taken", _PROCESS, _run_processors(lambda r: r.runs_taken)),
    Declared(_COUNTER, "newar_runs_refused", "runs refused", _PROCESS, _run_processors(lambda r: r.runs_refused)),
    Declared(
        _GAUGE,
        "newar_runs_queue_lost",
        "runs whose queue was lost, until they are recovered",
        _PROCESS,
        _run_processors(lambda r: r.runs_queue_lost),
    ),
    Declared(_COUNTER, "newar_jobs_enqueued", "jobs enqueued", _PROCESS, _run_processors(lambda r: r.jobs_enqueued)),
    Declared(
        *(_COUNTER, "newar_unknown_time_zones", "recipients enqueued whose time_zone is none", _PROCESS),
        _run_processors(lambda r: r.unknown_time_zones),
    ),
    Declared(
        *(_COUNTER, "newar_webhooks_sent", "news of runs that the platform has taken", _PROCESS),
        _run_processors(lambda r: r.webhooks_sent),
    ),
    Declared(
        *(_COUNTER, "newar_webhooks_failed", "tries to send news of runs that failed", _PROCESS),
        _run_processors(lambda r: r.webhooks_failed),
    ),
    Declared(
        *(_COUNTER, "newar_webhooks_given_up", "news of runs that could not be sent for a day", _PROCESS),
        _run_processors(lambda r: r.webhooks_given_up),
    ),
    Declared(
        _GAUGE,
        "newar_webhooks_waiting",
        "news of runs that wait to be sent, each process counting all",
        _PROCESS,
        _run_processors(lambda r: r.webhooks_waiting),
    ),
    Declared(
        *(_GAUGE, "newar_page_backlog_messages", "messages of the busiest pages without an outcome", _PAGE),
        _pages(lambda p: p.backlog),
    ),
    Declared(
        *(_GAUGE, "newar_page_messages_per_second", "of the busiest pages, in the last ten seconds", _PAGE),
        _pages(lambda p: p.text.reached_per_s + p.media.reached_per_s if p.text and p.media else None),
    ),
    Declared(
        *(_GAUGE, "newar_page_pace_messages_per_second", "text that a busy page may send now", _PAGE),
        _pages(lambda p: p.text.now_per_s if p.text else None),
    ),
    Declared(
        *(_GAUGE, "newar_page_breaker_open", "1: the breaker of a busy page is not closed", _PAGE),
        _pages(lambda p: float(p.breaker != "closed")),
    ),
    Declared(_GAUGE, "newar_page_info", "1, with the name of a busy page", ("page", "name"), _page_names),
)
