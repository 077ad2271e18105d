"""Adding processes up."""

from __future__ import annotations

import msgspec

from ops.board import merge
from ops.board.answers import LatencyMs
from schema.snapshot import STALE_AFTER_S, Latencies, Rates, RunsSnapshot
from tests.unit.api.contents import ingest, process, sender

NOW_S = 1_800_000_000.0


def test_stale_snapshots_are_left_out() -> None:
    fresh = process("a", at_ms=int((NOW_S - STALE_AFTER_S) * 1000), sender=sender())
    stale = process("b", at_ms=int((NOW_S - STALE_AFTER_S) * 1000) - 1, sender=sender())
    raw = [msgspec.json.encode(snapshot) for snapshot in (stale, fresh)]
    assert merge.live(raw, NOW_S) == [fresh]


def test_what_cannot_be_added_up_is_left_out() -> None:
    at_ms = int(NOW_S * 1000)
    of_another_version = process("b", at_ms=at_ms, sender=sender(latency_counts=[1, 2, 3]))
    raw = [b"not json", b"{}", b"\xff", msgspec.json.encode(of_another_version)]
    assert merge.live(raw, NOW_S) == []


def test_senders_are_added_up() -> None:
    first = sender(rate=10.26, outcomes={"sent": 7, "retrying": 3}, latencies_ms=(100.0,) * 98)
    second = sender(rate=20.0, outcomes={"sent": 1, "unknown": 2}, latencies_ms=(1000.0,) * 2)
    merged = merge.performance(
        [process("a", sender=first), process("b", sender=second), process("c", runs=RunsSnapshot())]
    )
    assert merged.messages_per_second == Rates(last_1s=30.3, last_1m=30.3, last_5m=30.3)
    assert merged.outcomes == {"sent": 8, "failed": 0, "suppressed": 0, "expired": 0, "unknown": 2, "cancelled": 0}
    assert [part.process_id for part in merged.processes] == ["a", "b"]
    assert merged.processes[1].outcomes["unknown"] == 2


def test_percentiles_come_from_the_merged_histogram() -> None:
    fast, slow = sender(latencies_ms=(100.0,) * 98), sender(latencies_ms=(1000.0,) * 2)
    merged = merge.performance([process("a", sender=fast), process("b", sender=slow)])
    both = Latencies()
    for ms in [100.0] * 98 + [1000.0] * 2:
        both.add(ms)
    assert merged.latency_ms == LatencyMs(both.percentile(0.5), both.percentile(0.95), both.percentile(0.99))
    assert merged.latency_ms.p95 is not None
    assert merged.latency_ms.p99 is not None
    assert merged.latency_ms.p95 < 150
    assert merged.latency_ms.p99 > 900


def test_the_reuse_ratio_is_of_all_requests_together() -> None:
    busy = {"max_sockets": 500, "open": 4, "idle": 1, "in_flight": 3, "requests": 900, "connections_opened": 10}
    fresh = {"max_sockets": 500, "requests": 100, "connections_opened": 90, "errors": {"connect": 2}}
    pools = merge.http_client(
        [
            process("a", sender=sender(http={**busy, "errors": {"connect": 1, "read": 5}})),
            process("b", sender=sender(http=fresh)),
            process("c", sender=sender(http={})),
        ]
    )
    assert (pools.max_sockets, pools.open, pools.idle, pools.in_flight) == (1000, 4, 1, 3)
    assert (pools.requests, pools.connections_opened, pools.socket_reuse_ratio) == (1000, 100, 0.9)
    assert pools.errors == {"connect": 3, "read": 5}
    assert [part.socket_reuse_ratio for part in pools.processes] == [0.988889, 0.1, 0.0]


def test_ingests_are_added_up() -> None:
    first = ingest(rows=10, rows_per_second=1.5, lag_events=4, lag_s=0.5, dead_letters=1, partitions=[2, 0])
    second = ingest(rows=20, rows_per_second=2.5, lag_events=5, lag_s=3.5, partitions=[1])
    merged = merge.ingest([process("a", ingest=first), process("b", ingest=second)])
    assert (merged.rows, merged.rows_per_second, merged.lag_events, merged.dead_letters) == (30, 4.0, 9, 1)
    assert merged.lag_s == 3.5
    assert merged.partitions == [0, 1, 2]
    assert [part.partitions for part in merged.processes] == [[2, 0], [1]]


def test_nothing_running_gives_zeros() -> None:
    assert merge.performance([]).messages_per_second == Rates()
    assert merge.performance([]).latency_ms == LatencyMs(None, None, None)
    assert merge.http_client([]).socket_reuse_ratio == 0.0
    assert merge.ingest([]).partitions == []
