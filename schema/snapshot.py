"""What each process publishes of itself every second, and the arithmetic to add processes up."""

from __future__ import annotations

import math

import msgspec

STALE_AFTER_S = 5.0
"""A snapshot older than this belongs to a process that is gone or stuck."""

_BUCKETS_PER_OCTAVE = 4
_BUCKETS = 80
"""Quarter octaves from 0.1 ms: the last bucket begins at about 24 h, each is at most 19 % wide."""


class Latencies:
    """A histogram of latencies with logarithmic buckets, cheap to fill and to add up."""

    def __init__(self, counts: list[int] | None = None) -> None:
        self.counts = counts or [0] * _BUCKETS

    def add(self, ms: float) -> None:
        """Count one latency in ms."""
        index = 0 if ms <= 0.1 else 1 + int(math.log2(ms * 10) * _BUCKETS_PER_OCTAVE)
        self.counts[min(index, _BUCKETS - 1)] += 1

    def merge(self, counts: list[int]) -> None:
        """Add another histogram's counts."""
        self.counts = [a + b for a, b in zip(self.counts, counts, strict=True)]

    @staticmethod
    def upper_edge_ms(index: int) -> float:
        """Return the highest latency that a bucket counts."""
        return float(round(0.1 * 2 ** (index / _BUCKETS_PER_OCTAVE), 3))

    def percentile(self, fraction: float) -> float | None:
        """Return the upper edge in ms of the bucket that holds this fraction (0 to 1); None when empty."""
        total = sum(self.counts)
        if total == 0:
            return None
        rank, seen = math.ceil(fraction * total), 0
        for index, count in enumerate(self.counts):
            seen += count
            if seen >= rank:
                return self.upper_edge_ms(index)
        return None


class Rates(msgspec.Struct, frozen=True):
    """Messages per second over three windows."""

    last_1s: float = 0.0
    last_1m: float = 0.0
    last_5m: float = 0.0


class ProcessSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One process, now. `service` says which of the optional parts are filled."""

    process_id: str
    service: str
    """`sender`, `runs` or `ingest`."""
    host: str
    pid: int
    started_at_ms: int
    at_ms: int
    """When this was made, ms since 1970 (UTC) by the process's own clock."""
    settings: dict[str, int | float | str] = {}
    """The few settings that explain the figures, never a secret."""
    sender: SenderSnapshot | None = None
    ingest: IngestSnapshot | None = None
    runs: RunsSnapshot | None = None


class SenderSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one sender process since its start."""

    rates: Rates
    """Final outcomes per second."""
    outcomes: dict[str, int]
    latency_counts: list[int]
    """Graph API latency of the last one to two minutes: counts of a Latencies histogram."""
    latency_counts_ever: list[int] = []
    """The same since its start; empty of a former release."""
    latency_sum_ms: float = 0.0
    """Of all these."""
    to_first_byte_counts: list[int] = []
    """The same for the time from a job's claim to the first byte of its request."""
    to_settlement_counts: list[int] = []
    """The same for the time from a job's end, mostly its answer, to its settlement."""
    busy_tasks: int
    tasks: int
    http: PoolFigures
    stale_settlements: int
    """Marks and settlements refused because the job was no longer ours."""
    malformed_headers: int = 0
    """Usage headers of answers that could not be read, or only in part."""
    unknown_codes: int = 0
    """Answers with an error code that stands in no table."""
    graph_down: bool
    kafka_down: bool
    replicas_missing: bool = False
    """Too few of Redis's replicas answer, of those that must know of a message before it may leave."""
    redis_clock_ahead_s: float = 0.0
    """Redis's clock less the process's own, at the last renewal of the lease."""


class PoolFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A pool of connections now (`max_sockets`, `open`, `idle`, `in_flight`) and since its start (the rest)."""

    max_sockets: int
    open: int
    """Sockets held, those being dialled included."""
    idle: int
    in_flight: int
    """Sockets lent out or being dialled."""
    requests: int
    connections_opened: int
    socket_reuse_ratio: float
    errors: dict[str, int]
    """Failures by phase; a caller's time-out is counted by the caller."""


def socket_reuse_ratio(requests: int, connections_opened: int) -> float:
    """Return the share of requests that found a connection already open; 0 before the first."""
    return round(max(0, requests - connections_opened) / requests, 6) if requests else 0.0


class IngestSnapshot(msgspec.Struct, kw_only=True):
    """Figures of one ingest process since its start. It counts in one of these, and publishes copies."""

    rows: int = 0
    rows_per_second: float = 0.0
    lag_events: int = 0
    """Events in its partitions that are no rows yet."""
    lag_s: float = 0.0
    """For so long there have been such: older ones are rows. 0 when caught up."""
    dead_letters: int = 0
    conflicting: int = 0
    """Of these: events with the id of a row and another content."""
    repeated: int = 0
    """Events that were rows already."""
    corrected: int = 0
    """Rows of which more became known."""
    too_old: int = 0
    """Events of days that the log keeps no longer."""
    partitions: list[int] = []
    """Topic partitions assigned to this process."""
    without_partitions_s: float = 0.0
    """For how long it has waited for partitions; 0 also when others have them all."""
    topics_made_again: int = 0
    """How often the topic, or its broker, was found set up anew."""
    events_missing: int = 0
    """Of former lives of the topic, as far as known: events that the broker had and that became no rows here."""
    database_down: bool = False
    database_refusal: str = ""
    """Why it takes no rows, where it says so."""
    read_until_ms: int = 0
    """All that the broker had of these partitions before this moment are rows; 0: not known."""


class RedisMemory(msgspec.Struct, frozen=True, kw_only=True):
    """Redis's memory as a run processor saw it last, in bytes; None: it does not tell."""

    used: int | None = None
    bound: int | None = None
    """maxmemory; 0: there is none."""
    reserve_share: float = 0.0
    """Of the bound: where only so much is free, nothing is enqueued."""
    policy: str | None = None
    """Its maxmemory-policy."""


class SourceSnapshot(msgspec.Struct, kw_only=True):
    """How one place that runs come from fares, as a run processor sees it."""

    polls: int = 0
    """Looks at all its runs that came to their end."""
    failures: int = 0
    """Turns that did not, or in which something was refused: of a poll, or of the recipients of a run."""
    last_poll_ms: int = 0
    trouble: str = ""
    """Why the last turn failed, and what to do; "": it did not."""
    silence: str = ""
    """What has been asked and not been answered for long; "": nothing."""


class RunsSnapshot(msgspec.Struct, kw_only=True):
    """Figures of one run processor since its start. It counts in one of these, and publishes copies."""

    sources: dict[str, SourceSnapshot] = {}
    """`source`, if there is one, and `submitted`."""
    runs_taken: int = 0
    runs_refused: int = 0
    jobs_enqueued: int = 0
    unknown_time_zones: int = 0
    """Recipients whose time zone is none, so that the page's counts."""
    runs_queue_lost: int = 0
    """At the last look into the books: held until a person recovers them."""
    webhooks_sent: int = 0
    """News of runs that the platform has taken."""
    webhooks_failed: int = 0
    """Tries that it has not."""
    webhooks_given_up: int = 0
    """News that it has not taken for a day."""
    webhooks_waiting: int = 0
    """News that wait to be sent, of all run processors."""
    redis_memory: RedisMemory | None = None
    """None: it has not looked yet."""
    redis_full: list[str] = []
    """Sources whose runs wait to be taken, or enqueued further, until Redis has room."""
    webhook_down: bool = False
    source_down: bool = False
    log_database_down: bool = False
