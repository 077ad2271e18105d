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
from ops.doctor.set_back import Memories, check_set_back
from ops.doctor.settings import check_program, check_settings, of_kind
from ops.doctor.source import check_source
from ops.doctor.tokens import check_tokens
from ops.doctor.ways import Way, to_kafka, to_log_database, to_redis, to_source
from ops.doctor.webhook import check_webhook
from ops.shell.detail import telling
from ops.shell.exits import leaves
from ops.shell.service import run_once
from schema.runtime import old_names
from schema.runtime.given import given_by_people
from schema.runtime.refusals import refusal_of
from schema.runtime.settings import (
    KafkaSettings,
    LogDatabaseSettings,
    RedisSettings,
    SourceDatabaseSettings,
)
from schema.runtime.tls_trouble import tls_trouble
from sender.runs.webhooks.settings import WebhookSettings
from sender.settings import SenderSettings

ANSWER_WITHIN_S = 10.0
_WHERE = {
    "redis": "REDIS_URL",
    "page tokens": "REDIS_URL",
    "log database": "LOG_DATABASE_URL",
    "runs": "LOG_DATABASE_URL",
    "memories": "REDIS_URL and LOG_DATABASE_URL",
    "source database": "SOURCE_DATABASE_URL",
    "kafka": "KAFKA_BOOTSTRAP_SERVERS and the other KAFKA_ settings",
    "webhook": "RUN_WEBHOOK_URL",
    "graph api": "GRAPH_API_URL, the firewall and the proxy",
}


def examine() -> list[Finding]:
    """Check everything that can be checked; return a finding for each."""
    checks: dict[str, Check] = {}
    ways: dict[str, Way | None] = {}
    if (redis := of_kind(RedisSettings)) is not None:
        checks["redis"] = partial(check_redis, redis)
        ways["redis"] = to_redis("redis", redis)
    if (log_database := of_kind(LogDatabaseSettings)) is not None:
        checks["log database"] = partial(check_log_database, log_database)
        checks["runs"] = partial(check_runs, log_database)
        ways["log database"] = to_log_database("log database", log_database)
    if redis is not None and log_database is not None and (memories := of_kind(Memories)) is not None:
        checks["memories"] = partial(check_set_back, memories)
    if (source := of_kind(SourceDatabaseSettings)) is not None:
        checks["source database"] = partial(check_source, source)
        ways["source database"] = to_source("source database", source)
    if (kafka := of_kind(KafkaSettings)) is not None:
        checks["kafka"] = partial(check_kafka, kafka)
        ways["kafka"] = to_kafka("kafka", kafka)
    if (sender := of_kind(SenderSettings)) is not None:
        checks["page tokens"] = partial(check_tokens, sender)
        checks["graph api"] = partial(check_graph, sender)
    if (webhook := of_kind(WebhookSettings)) is not None:
        checks["webhook"] = partial(check_webhook, webhook)
    return [*check_program(), *check_settings(), *run_once(partial(_all, checks, ways))]


async def _all(checks: dict[str, Check], ways: dict[str, Way | None]) -> list[Finding]:
    found: dict[str, list[Finding]] = {}

    async def one(part: str, check: Check) -> None:
        found[part] = await _bounded(part, check, ways.get(part))

    async with trio.open_nursery() as nursery:
        for part, check in checks.items():
            nursery.start_soon(one, part, check)
    return [finding for part in checks for finding in found[part]]


async def _bounded(part: str, check: Check, way: Way | None) -> list[Finding]:
    """Return what the check finds, or that it cannot; then what is to be said of the way there."""
    found: list[Finding]
    try:
        with trio.fail_after(ANSWER_WITHIN_S):
            found = await check()
    except trio.TooSlowError as exc:
        found = [_away(part, await _why(way, exc) or f"no answer within {ANSWER_WITHIN_S:.0f} s")]
    except Exception as exc:  # whatever a client library raises, the round goes on
        root = leaves(exc)[0]
        cause = root if tls_trouble(root) else root.__cause__ or root
        if refused := await _why(way, root) or refusal_of(cause):
            found = [Finding(part, "fail", f"cannot be used: {refused}", f"see {_where(part)}")]
        else:
            found = [_away(part, telling(cause))]
    with trio.move_on_after(ANSWER_WITHIN_S):
        if way is not None:
            found.append(await way.look())
    return found


async def _why(way: Way | None, error: BaseException) -> str | None:
    """Say what keeps TLS from coming about: exact where the text of a client's error is not."""
    with trio.move_on_after(ANSWER_WITHIN_S):
        return await way.why(error) if way is not None else None
    return None


def _away(part: str, text: str) -> Finding:
    return Finding(part, "fail", f"cannot be used: {text}", f"check {_where(part)}, and that the server runs")


def _where(part: str) -> str:
    """Say where its address is written, which may be under names of the original."""
    name, given = _WHERE[part], given_by_people()
    return name if name in given or name not in (old := old_names.read(given)) else ", ".join(old[name].names)
