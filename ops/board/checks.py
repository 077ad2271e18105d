"""The checks of `/health`: one per part, side by side, each bounded in time."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg
import trio
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError
from pydantic import SecretStr

from ops.board.answers import Check, Health, Overall
from ops.board.log_query import query
from ops.board.reading import QueueUnreachable
from ops.board.redis_room import evicts, no_room
from ops.board.runs.run_answers import CheckStatus
from ops.board.settings import BoardSettings
from ops.board.source_health import with_sources
from ops.local.restarts import ServerState, States
from ops.shell.detail import telling
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import bootstrap_handshake, tls_context
from schema.snapshot import STALE_AFTER_S, ProcessSnapshot

CHECK_WITHIN_S = 3.0
ORDER = ("redis", "kafka", "log_database", "source_database", "submitted_runs", "senders", "ingest", "sending")
_SERVED_BY = {"postgres": "log_database"}
"""Which part a local server is, where their names differ."""


@dataclass(frozen=True)
class Seen:
    """What Redis says: the running processes, and whether a person has paused everything."""

    processes: list[ProcessSnapshot]
    paused_by_hand: bool = False
    refusal: str = ""
    """What Redis refuses services that have our login, though it can be read."""


Look = Callable[[], Awaitable[Seen]]
"""Reads Redis; raises QueueUnreachable, within its own time."""


async def check_all(settings: BoardSettings, look: Look, servers: States | None = None) -> Health:
    """Ask every part at the same time; `servers`: what is known of local ones."""
    checks: dict[str, Check] = {}

    async def outside(name: str, ask: Callable[[], Awaitable[None]] | None) -> None:
        checks[name] = await _check(ask)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(outside, "kafka", _kafka(settings))
        nursery.start_soon(outside, "log_database", _postgres(settings.log_database_url))
        nursery.start_soon(outside, "source_database", _postgres(settings.source_database_url))
        seen = await _look(look)
        checks.update(_queue(seen))
    checks = with_sources(checks, seen.processes if isinstance(seen, Seen) else None)
    for name, state in (servers or {}).items():
        part = _SERVED_BY.get(name, name)
        checks[part] = _with_server(checks[part], state)
    return Health(status=overall(checks), checks={name: checks[name] for name in ORDER})


def _with_server(check: Check, state: ServerState) -> Check:
    """Say what is known of the local server behind a part."""
    if not state.up:
        return Check(status="down", detail=f"its local server {state.detail}")
    if not state.restarts:
        return check
    return Check(status=check.status, detail=f"{check.detail}; restarts of its local server: {state.restarts}")


def overall(checks: dict[str, Check]) -> Overall:
    """Without Redis nothing can be sent; without anything else something still can."""
    if checks["redis"].status == "down":
        return "down"
    fine = all(check.status in ("ok", "not_configured") for check in checks.values())
    return "ok" if fine else "degraded"


async def _check(ask: Callable[[], Awaitable[None]] | None) -> Check:
    if ask is None:
        return Check(status="not_configured", detail="no address is set")
    try:
        with trio.fail_after(CHECK_WITHIN_S):
            await ask()
    except trio.TooSlowError:
        return Check(status="down", detail=f"no answer within {CHECK_WITHIN_S:.0f} s")
    except (OSError, ssl.SSLError, psycopg.Error, KafkaError, ValueError) as exc:
        return Check(status="down", detail=telling(exc))
    return Check(status="ok", detail="answers")


def _postgres(url: SecretStr | None) -> Callable[[], Awaitable[None]] | None:
    if url is None:
        return None

    async def connect() -> None:
        await query(url.get_secret_value(), "SELECT 1")

    return connect


def _kafka(settings: BoardSettings) -> Callable[[], Awaitable[None]] | None:
    servers = settings.kafka_bootstrap_servers
    if servers is None:
        return None

    async def connect() -> None:
        """Connect to the first server that answers, versions and login included; raise why the last one does not."""
        error: OSError | KafkaError | None = None
        for server in servers.split(","):
            try:
                await _connect_to(server.strip(), settings)
            except (OSError, KafkaError) as exc:
                error = exc
            else:
                return
        if error is not None:
            if (cause := await bootstrap_handshake(settings)) is not None:
                raise KafkaConnectionError from cause
            raise error

    return lambda: aio(connect)


async def _connect_to(server: str, settings: BoardSettings) -> None:
    host, _colon, port = server.rpartition(":")
    password = settings.kafka_sasl_password
    connection = await create_conn(
        host.strip("[]"),
        int(port),
        client_id="newar-api",
        request_timeout_ms=int(CHECK_WITHIN_S * 1000),
        security_protocol=settings.kafka_security_protocol,
        ssl_context=tls_context(settings),
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_plain_username=settings.kafka_sasl_username,
        sasl_plain_password=password.get_secret_value() if password else None,
    )
    closed = connection.close()
    if closed is not None:
        await closed


async def _look(look: Look) -> Seen | QueueUnreachable:
    try:
        return await look()
    except QueueUnreachable as exc:
        return exc


def _queue(seen: Seen | QueueUnreachable) -> dict[str, Check]:
    """Check Redis, and with what it says the processes that report there, and whether anything may be sent."""
    if isinstance(seen, QueueUnreachable):
        unknown = Check(status="unknown", detail="not known without Redis")
        return {
            "redis": Check(status="down", detail=str(seen)),
            **dict.fromkeys(("senders", "ingest", "sending"), unknown),
        }
    senders = [s.sender for s in seen.processes if s.sender]
    ingests = [s.ingest for s in seen.processes if s.ingest]
    return {
        "redis": _redis(seen),
        "senders": _service(
            "sender",
            len(senders),
            {
                "Graph API": sum(s.graph_down for s in senders),
                "Redis's replicas": sum(s.replicas_missing for s in senders),
            },
        ),
        "ingest": _service(
            "ingest",
            len(ingests),
            {"log database": sum(i.database_down for i in ingests)},
            next((i.database_refusal for i in ingests if i.database_refusal), ""),
        ),
        "sending": (
            Check(status="degraded", detail="everything is paused by hand: newar resume --all lets it go on")
            if seen.paused_by_hand
            else Check(status="ok", detail="nobody has paused it")
        ),
    }


def _redis(seen: Seen) -> Check:
    full = no_room(seen.processes)
    complaint = seen.refusal or (str(full) if full else evicts(seen.processes))
    return Check(status="degraded" if complaint else "ok", detail=complaint or "answers")


def _service(name: str, running: int, cut_off: dict[str, int], because: str = "") -> Check:
    """Judge a service by how many of its processes report, and how many miss a part they need, because it says so."""
    if running == 0:
        return Check(status="down", detail=f"none has reported for {STALE_AFTER_S:.0f} s; start one: newar {name}")
    complaints = [f"{part} unreachable from {n}" for part, n in cut_off.items() if n]
    status: CheckStatus = "degraded" if complaints else "ok"
    detail = ", ".join([f"{running} running", *complaints])
    return Check(status=status, detail=f"{detail}: {because}" if because else detail)
