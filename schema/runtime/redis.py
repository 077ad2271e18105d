"""Opening Redis the one way all services use it: always the primary, wherever it is by now."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from schema.runtime.redis_address import MarkReplicas, sentinels_at, taken_apart
from schema.runtime.redis_primary import Primary, PrimaryConnection, PrimarySSLConnection

CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 10.0
_KINDS: dict[type, type] = {Connection: PrimaryConnection, SSLConnection: PrimarySSLConnection}


class OurRedis(Redis):
    """A client that knows how many replicas must have what may not be lost."""

    def __init__(self, pool: ConnectionPool, sentinels: Sentinel | None, mark_replicas: MarkReplicas) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self.mark_replicas = mark_replicas
        self.sentinels: list[Redis] = sentinels.sentinels if sentinels else []
        """Who is asked where the primary is; nobody where the address leads to it."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close all connections, those to the Sentinels too."""
        await super().aclose(close_connection_pool)
        for sentinel in self.sentinels:
            await sentinel.aclose()


def open_redis(url: str) -> OurRedis:
    """Return a client for `url`. Nothing is repeated behind our back: repeating is the caller's decision.

    `url`: as redis-py takes it, perhaps with what `address_with` has added.
    """
    url, ours = taken_apart(url)
    options: dict[str, Any] = {**parse_url(url)}
    kind = options.pop("connection_class", Connection)
    options = {"socket_connect_timeout": CONNECT_TIMEOUT_S, "socket_timeout": ANSWER_TIMEOUT_S} | options
    sentinels = _sentinels(ours["sentinels"], options, kind) if "sentinels" in ours else None
    if kind in _KINDS:
        options["primary"] = Primary(options.get("host", "localhost"), options.get("port", 6379), sentinels)
    pool = ConnectionPool(connection_class=_KINDS.get(kind, kind), retry=Retry(NoBackoff(), 0), protocol=2, **options)
    replicas = MarkReplicas(int(ours.get("mark_replicas", 0)), int(ours.get("mark_replicas_within_ms", 1000)))
    return OurRedis(pool, sentinels, replicas)


def _sentinels(given: str, options: dict[str, Any], kind: type) -> Sentinel:
    """Return who is asked where the primary is."""
    some = Sentinel([])  # type: ignore[no-untyped-call]  # redis-py
    shared = {name: value for name, value in options.items() if name.startswith(("socket_", "ssl_"))}
    some.sentinels = [Redis(**shared, **one, ssl=kind is SSLConnection) for one in sentinels_at(given)]
    return some
