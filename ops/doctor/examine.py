"""The doctor's round: settings first, then every part with an address, side by side, each bounded in time."""

from __future__ import annotations

from functools import partial

import trio

from ops.doctor.finding import Check, Finding
from ops.doctor.graph_api import check_graph
from ops.doctor.kafka import check_kafka
from ops.doctor.log_database import check_log_database
from ops.doctor.redis import check_redis
from ops.doctor.runs import check_runs
from ops.doctor.settings import check_program, check_settings, of_kind
from ops.doctor.source import check_source
from ops.doctor.tokens import check_tokens
from ops.shell.detail import telling
from ops.shell.exits import leaves
from ops.shell.service import run_once
from schema.runtime.settings import KafkaSettings, LogDatabaseSettings, RedisSettings, SourceDatabaseSettings
from sender.settings import SenderSettings

ANSWER_WITHIN_S = 10.0
_WHERE = {
    "redis": "REDIS_URL",
    "page tokens": "REDIS_URL",
    "log database": "LOG_DATABASE_URL",
    "runs": "LOG_DATABASE_URL",
    "source database": "SOURCE_DATABASE_URL",
    "kafka": "KAFKA_BOOTSTRAP_SERVERS and the other KAFKA_ settings",
    "graph api": "GRAPH_API_URL, the firewall and the proxy",
}


def examine() -> list[Finding]:
    """Check everything that can be checked; return a finding for each."""
    checks: dict[str, Check] = {}
    if (redis := of_kind(RedisSettings)) is not None:
        checks["redis"] = partial(check_redis, redis)
    if (log_database := of_kind(LogDatabaseSettings)) is not None:
        checks["log database"] = partial(check_log_database, log_database)
        checks["runs"] = partial(check_runs, log_database)
    if (source := of_kind(SourceDatabaseSettings)) is not None:
        checks["source database"] = partial(check_source, source)
    if (kafka := of_kind(KafkaSettings)) is not None:
        checks["kafka"] = partial(check_kafka, kafka)
    if (sender := of_kind(SenderSettings)) is not None:
        checks["page tokens"] = partial(check_tokens, sender)
        checks["graph api"] = partial(check_graph, sender)
    return [*check_program(), *check_settings(), *run_once(partial(_all, checks))]


async def _all(checks: dict[str, Check]) -> list[Finding]:
    found: dict[str, list[Finding]] = {}

    async def one(part: str, check: Check) -> None:
        found[part] = await _bounded(part, check)

    async with trio.open_nursery() as nursery:
        for part, check in checks.items():
            nursery.start_soon(one, part, check)
    return [finding for part in checks for finding in found[part]]


async def _bounded(part: str, check: Check) -> list[Finding]:
    try:
        with trio.fail_after(ANSWER_WITHIN_S):
            return await check()
    except trio.TooSlowError:
        return [_away(part, f"no answer within {ANSWER_WITHIN_S:.0f} s")]
    except Exception as exc:
        root = leaves(exc)[0]
        return [_away(part, telling(root.__cause__ or root))]  # whatever a client library raises, the round goes on


def _away(part: str, text: str) -> Finding:
    return Finding(part, "fail", f"cannot be used: {text}", f"check {_WHERE[part]}, and that the server runs")
