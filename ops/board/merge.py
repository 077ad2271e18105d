"""Adding processes up: from the snapshots that they publish to the figures of all together. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from ops.board.answers import (
    HttpClient,
    HttpClientPart,
    Ingest,
    IngestPart,
    LatencyMs,
    Performance,
    ProcessRow,
    SenderPart,
)
from schema.event import at_us
from schema.outcomes import FINAL_OUTCOMES
from schema.snapshot import (
    STALE_AFTER_S,
    IngestSnapshot,
    Latencies,
    ProcessSnapshot,
    Rates,
    SenderSnapshot,
    socket_reuse_ratio,
)

_decoder = msgspec.json.Decoder(ProcessSnapshot)
_POOL_SUMS = ("max_sockets", "open", "idle", "in_flight", "requests", "connections_opened")


def live(raw: Iterable[bytes], now_s: float) -> list[ProcessSnapshot]:
    """Decode snapshots; leave out the stale, and those of another version that we cannot add up."""
    found = [s for s in map(_decoded, raw) if s is not None and now_s - s.at_ms / 1000 <= STALE_AFTER_S]
    return sorted(found, key=lambda s: (s.service, s.started_at_ms, s.process_id))


def _decoded(raw: bytes) -> ProcessSnapshot | None:
    try:
        snapshot = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    foreign = snapshot.sender and len(snapshot.sender.latency_counts) != len(Latencies().counts)
    return None if foreign else snapshot


def performance(processes: list[ProcessSnapshot]) -> Performance:
    """Add up what the senders did."""
    senders = [s.sender for s in processes if s.sender]
    return Performance(
        messages_per_second=_sum_rates(s.rates for s in senders),
        outcomes=_final(s.outcomes for s in senders),
        latency_ms=_latency(senders),
        processes=[_sender_part(s, s.sender) for s in processes if s.sender],
    )


def http_client(processes: list[ProcessSnapshot]) -> HttpClient:
    """Add up the connection pools of the senders."""
    pools = [s.sender.http for s in processes if s.sender]
    parts = [HttpClientPart(**_who(s), **msgspec.structs.asdict(s.sender.http)) for s in processes if s.sender]
    sums = {name: sum(getattr(pool, name) for pool in pools) for name in _POOL_SUMS}
    ratio = socket_reuse_ratio(sums["requests"], sums["connections_opened"])
    errors = dict(sum((Counter(pool.errors) for pool in pools), Counter[str]()))
    return HttpClient(**sums, socket_reuse_ratio=ratio, errors=errors, processes=parts)


def ingest(processes: list[ProcessSnapshot]) -> Ingest:
    """Add up the ingest processes; each has partitions of its own."""
    parts = [s.ingest for s in processes if s.ingest]
    return Ingest(
        rows_per_second=round(sum(p.rows_per_second for p in parts), 1),
        rows=sum(p.rows for p in parts),
        lag_events=sum(p.lag_events for p in parts),
        lag_s=max((p.lag_s for p in parts), default=0.0),
        dead_letters=sum(p.dead_letters for p in parts),
        conflicting=sum(p.conflicting for p in parts),
        repeated=sum(p.repeated for p in parts),
        corrected=sum(p.corrected for p in parts),
        too_old=sum(p.too_old for p in parts),
        partitions=sorted({n for p in parts for n in p.partitions}),
        processes=[_ingest_part(s, s.ingest) for s in processes if s.ingest],
    )


def process_rows(processes: list[ProcessSnapshot]) -> list[ProcessRow]:
    """List every running process."""
    return [
        ProcessRow(
            **_who(s),
            service=s.service,
            settings=s.settings,
            busy_tasks=s.sender.busy_tasks if s.sender else None,
            tasks=s.sender.tasks if s.sender else None,
        )
        for s in processes
    ]


def _who(process: ProcessSnapshot) -> dict[str, Any]:
    started_at = at_us(process.started_at_ms * 1000)
    return {"process_id": process.process_id, "host": process.host, "pid": process.pid, "started_at": started_at}


def _sender_part(process: ProcessSnapshot, sender: SenderSnapshot) -> SenderPart:
    return SenderPart(
        **_who(process),
        messages_per_second=sender.rates,
        outcomes=_final([sender.outcomes]),
        latency_ms=_latency([sender]),
        busy_tasks=sender.busy_tasks,
        tasks=sender.tasks,
        stale_settlements=sender.stale_settlements,
    )


def _ingest_part(process: ProcessSnapshot, part: IngestSnapshot) -> IngestPart:
    figures = msgspec.structs.asdict(part)
    until_ms = figures.pop("read_until_ms")
    return IngestPart(**_who(process), **figures, read_until=at_us(until_ms * 1000) if until_ms else None)


def _sum_rates(rates: Iterable[Rates]) -> Rates:
    listed = list(rates)
    return Rates(*(round(sum(getattr(r, name) for r in listed), 1) for name in Rates.__struct_fields__))


def _final(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    listed = list(counts)
    return {outcome.value: sum(c.get(outcome.value, 0) for c in listed) for outcome in FINAL_OUTCOMES}


def _latency(senders: Iterable[SenderSnapshot]) -> LatencyMs:
    merged = Latencies()
    for sender in senders:
        merged.merge(sender.latency_counts)
    return LatencyMs(p50=merged.percentile(0.50), p95=merged.percentile(0.95), p99=merged.percentile(0.99))
