"""What stands in Redis while the services run, written by the key names alone: the API's tests read it back."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import msgspec
from redis import Redis

from ops.api.settings import ApiSettings
from schema.event import SCHEMA_VERSION, LogEvent, at_us, encode_event
from schema.keys import key
from schema.outcomes import ErrorClass, Outcome
from schema.snapshot import (
    IngestSnapshot,
    Latencies,
    PoolFigures,
    ProcessSnapshot,
    Rates,
    RunsSnapshot,
    SenderSnapshot,
    socket_reuse_ratio,
)


def api_settings(**fields: Any) -> ApiSettings:
    """Settings from plain values, with a Redis that nobody asks."""
    return ApiSettings(**{"redis_url": "redis://localhost", **fields})


def now_ms() -> int:
    return int(time.time() * 1000)


def write_run(
    redis: Redis, run_id: str, *, page: str = "1", left: int = 0, held_by: str | None = None, **fields: Any
) -> None:
    """Write a run as the queue keeps it; finished when `state` says so."""
    values: dict[Any, Any] = {
        "page": page,
        "lane": f"{page}/text",
        "spec": "{}",
        "state": "active",
        "priority": 0,
        "expires_at_ms": now_ms() + 86_400_000,
        "left": left,
        "recipients": left,
        "taken_at_ms": now_ms(),
        **fields,
        **({f"hold:{held_by}": 1} if held_by else {}),
    }
    redis.hset(key(f"run:{run_id}"), mapping=values)
    redis.zadd(key("runs"), {run_id: values["taken_at_ms"]})
    redis.sadd(key("pages"), page)
    if values["state"] in ("cancelled", "expired"):
        redis.sadd(key("draining"), run_id)
    elif values["state"] != "finished":
        redis.zadd(key("expiries"), {run_id: values["expires_at_ms"]})


def write_session(redis: Redis, session: str, *, held: int = 0, marked: int = 0, outbox: int = 0) -> None:
    """Write what a sender process holds."""
    redis.zadd(key("sessions"), {session: (now_ms() + 10_000) * 1000})
    for n in range(held):
        redis.hset(key(f"held:{session}"), str(n), "run\0record")
    for n in range(marked):
        redis.hset(key(f"marks:{session}"), str(n), "1\0001")
    for _ in range(outbox):
        redis.sadd(key("outboxes"), session)
        redis.xadd(key(f"outbox:{session}"), {"k": "1", "v": "{}"})


def write_breaker(redis: Redis, page: str, state: str = "open", **fields: Any) -> None:
    """Write a page whose breaker is not closed."""
    opened: dict[Any, Any] = {"breaker": state, "reason": "auth_page", "failures": 5, "opened_at_ms": now_ms()}
    opened |= {"retry_at_ms": now_ms() + 300_000, **fields}
    redis.hset(key(f"page:{page}"), mapping=opened)
    redis.sadd(key("troubled"), page)


def write_failure(
    redis: Redis, run_id: str = "run", recipient_id: str = "1", page: str = "1", **fields: Any
) -> LogEvent:
    """Write a failure of which the dashboard tells."""
    values: dict[str, Any] = {
        "outcome": Outcome.FAILED,
        "error_class": ErrorClass.RECIPIENT_PERMANENT,
        "error_code": 551,
        "error_subcode": 1545041,
        "error_message": "(#551) This person isn't available right now.",
        "sent_at": at_us(now_ms() * 1000),
        **fields,
    }
    event = LogEvent(
        event_id=uuid4(),
        run_id=run_id,
        page_id=page,
        recipient_id=recipient_id,
        attempt=1,
        sender_id="sender-a",
        schema_version=SCHEMA_VERSION,
        **values,
    )
    redis.xadd(key("failures"), {"v": encode_event(event)})
    return event


def pool(requests: int = 0, connections_opened: int = 0, **figures: Any) -> PoolFigures:
    names = ("max_sockets", "open", "idle", "in_flight")
    return PoolFigures(
        **{**dict.fromkeys(names, 0), "errors": {}, **figures},
        requests=requests,
        connections_opened=connections_opened,
        socket_reuse_ratio=socket_reuse_ratio(requests, connections_opened),
    )


def sender(
    rate: float = 0.0, latencies_ms: tuple[float, ...] = (), http: dict[str, Any] | None = None, **fields: Any
) -> SenderSnapshot:
    latencies = Latencies()
    for ms in latencies_ms:
        latencies.add(ms)
    values: dict[str, Any] = {
        "rates": Rates(last_1s=rate, last_1m=rate, last_5m=rate),
        "outcomes": {},
        "latency_counts": latencies.counts,
        "latency_counts_ever": latencies.counts,
        "latency_sum_ms": sum(latencies_ms),
        "busy_tasks": 0,
        "tasks": 100,
        "http": pool(**(http or {})),
        "stale_settlements": 0,
        "graph_down": False,
        "kafka_down": False,
    }
    return SenderSnapshot(**{**values, **fields})


def ingest(**fields: Any) -> IngestSnapshot:
    values: dict[str, Any] = {
        "rows": 0,
        "rows_per_second": 0.0,
        "lag_events": 0,
        "lag_s": 0.0,
        "dead_letters": 0,
        "conflicting": 0,
        "repeated": 0,
        "corrected": 0,
        "too_old": 0,
        "partitions": [],
        "database_down": False,
    }
    return IngestSnapshot(**{**values, **fields})


def process(
    process_id: str = "sender-a",
    *,
    at_ms: int | None = None,
    sender: SenderSnapshot | None = None,
    ingest: IngestSnapshot | None = None,
    runs: RunsSnapshot | None = None,
    settings: dict[str, int | float | str] | None = None,
) -> ProcessSnapshot:
    service = "sender" if sender else "ingest" if ingest else "runs"
    return ProcessSnapshot(
        process_id=process_id,
        service=service,
        host="host-1",
        pid=4711,
        started_at_ms=now_ms() - 60_000,
        at_ms=now_ms() if at_ms is None else at_ms,
        sender=sender,
        ingest=ingest,
        runs=runs,
        settings=settings or {},
    )


def publish(redis: Redis, *processes: ProcessSnapshot) -> None:
    """Write snapshots as the processes do every second."""
    for snapshot in processes:
        redis.hset(key("processes"), snapshot.process_id, msgspec.json.encode(snapshot))
